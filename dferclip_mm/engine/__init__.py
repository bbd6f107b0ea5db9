"""What a run needs around the model: hooks and the launch of processes."""

from . import hooks

__all__ = ['hooks']
