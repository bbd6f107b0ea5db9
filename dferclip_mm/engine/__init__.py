"""What a run needs around the model: command line, hooks, checks at the start.

Open this room when a run does not start, stops, or does not resume as expected.
"""

from . import hooks

__all__ = ['hooks']
