"""Backbones, necks, heads and the recognizer, registered in ``mmaction.registry``.

Open this door to change what is computed. Start with `recognizers/frame_recognizer.py`.
"""

from .backbones import CLIPVisualEncoder
from .frame_preprocessor import FrameOrFeaturePreprocessor
from .heads import (
    ExpCLIPHead,
    PrecomputedTextHead,
    RegressionHead,
    TextPromptHead,
    VideoTextContrastiveHead,
)
from .losses import AdjustedCrossEntropy
from .necks import TemporalTransformer
from .recognizers import FrameRecognizer
from .text import CLIPTextEncoder

__all__ = [
    'AdjustedCrossEntropy',
    'CLIPTextEncoder',
    'CLIPVisualEncoder',
    'ExpCLIPHead',
    'FrameOrFeaturePreprocessor',
    'FrameRecognizer',
    'PrecomputedTextHead',
    'RegressionHead',
    'TemporalTransformer',
    'TextPromptHead',
    'VideoTextContrastiveHead',
]
