"""Hooks."""

from .checkpoint_content_hook import CheckpointContentHook
from .class_names_hook import ClassNamesHook
from .config_keys_hook import ConfigKeysHook
from .dry_run_hook import DryRunHook
from .finite_hook import FiniteHook
from .frame_cache_hook import FrameCacheHook
from .mid_epoch_hook import MidEpochHook
from .missed_validation_hook import MissedValidationHook
from .preemption_hook import PreemptionHook
from .pretrained_parts_hook import PretrainedPartsHook
from .randomness_hook import RandomnessHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .selection_hook import SelectionHook
from .strict_checkpoint_hook import StrictCheckpointHook
from .sync_statistics_hook import SyncStatisticsHook
from .unreadable_clips_hook import UnreadableClipsHook

__all__ = [
    'CheckpointContentHook',
    'ClassNamesHook',
    'ConfigKeysHook',
    'DryRunHook',
    'FiniteHook',
    'FrameCacheHook',
    'MidEpochHook',
    'MissedValidationHook',
    'PreemptionHook',
    'PretrainedPartsHook',
    'RandomnessHook',
    'SafeCheckpointHook',
    'SelectionHook',
    'StrictCheckpointHook',
    'SyncStatisticsHook',
    'UnreadableClipsHook',
]
