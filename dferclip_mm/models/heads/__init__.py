"""Heads."""

from .regression_head import RegressionHead
from .text_feature_head import TextFeatureHead
from .text_prompt_head import TextPromptHead
from .video_text_contrastive_head import VideoTextContrastiveHead

__all__ = ['RegressionHead', 'TextFeatureHead', 'TextPromptHead', 'VideoTextContrastiveHead']
