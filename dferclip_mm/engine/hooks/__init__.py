"""Hooks."""

from .class_names_hook import ClassNamesHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = ['ClassNamesHook', 'StrictCheckpointHook']
