"""Hooks, one per question that a user may ask about a run; open this room when a run stopped."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_invalid_loss_hook import CheckInvalidLossHook
from .exact_resume_hook import ExactResumeHook
from .load_pretrained_hook import LoadPretrainedHook
from .preemption_hook import PreemptionHook
from .startup_check_hook import StartupCheckHook
from .strict_load_hook import StrictLoadHook
from .sync_statistics_hook import SyncStatisticsHook
from .unreadable_clips_hook import UnreadableClipsHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckInvalidLossHook',
    'ExactResumeHook',
    'LoadPretrainedHook',
    'PreemptionHook',
    'StartupCheckHook',
    'StrictLoadHook',
    'SyncStatisticsHook',
    'UnreadableClipsHook',
]
