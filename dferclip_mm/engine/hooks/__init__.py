"""Hooks."""

from .class_names_hook import ClassNamesHook
from .dry_run_hook import DryRunHook
from .pretrained_parts_hook import PretrainedPartsHook
from .selection_hook import SelectionHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = [
    'ClassNamesHook',
    'DryRunHook',
    'PretrainedPartsHook',
    'SelectionHook',
    'StrictCheckpointHook',
]
