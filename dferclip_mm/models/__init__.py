"""Backbones, necks, heads and the recognizer, registered in ``mmaction.registry``."""

from .backbones import CLIPVisualEncoder
from .frame_preprocessor import FramePreprocessor
from .heads import RegressionHead, TextFeatureHead, TextPromptHead, VideoTextContrastiveHead
from .necks import TemporalTransformer
from .recognizers import FrameRecognizer
from .text import CLIPTextEncoder

__all__ = [
    'CLIPTextEncoder',
    'CLIPVisualEncoder',
    'FramePreprocessor',
    'FrameRecognizer',
    'RegressionHead',
    'TemporalTransformer',
    'TextFeatureHead',
    'TextPromptHead',
    'VideoTextContrastiveHead',
]
