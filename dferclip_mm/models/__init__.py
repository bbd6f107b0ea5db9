"""Backbones, necks, heads and the recognizer, registered in ``mmaction.registry``.

Open this door to change what is computed. Start with `recognizers/frame_recognizer.py`.
"""

from . import backbones, frame_preprocessor, heads, losses, necks, recognizers, text

__all__ = [
    'backbones',
    'frame_preprocessor',
    'heads',
    'losses',
    'necks',
    'recognizers',
    'text',
]
