"""Hooks."""

from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_invalid_loss_hook import CheckInvalidLossHook
from .config_keys_hook import ConfigKeysHook
from .dry_run_hook import DryRunHook
from .exact_resume_hook import ExactResumeHook
from .frame_cache_hook import FrameCacheHook
from .load_pretrained_hook import LoadPretrainedHook
from .preemption_hook import PreemptionHook
from .selection_hook import SelectionHook
from .startup_check_hook import ClassNamesHook
from .strict_load_hook import StrictLoadHook
from .sync_statistics_hook import SyncStatisticsHook
from .unreadable_clips_hook import UnreadableClipsHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckInvalidLossHook',
    'ClassNamesHook',
    'ConfigKeysHook',
    'DryRunHook',
    'ExactResumeHook',
    'FrameCacheHook',
    'LoadPretrainedHook',
    'PreemptionHook',
    'SelectionHook',
    'StrictLoadHook',
    'SyncStatisticsHook',
    'UnreadableClipsHook',
]
