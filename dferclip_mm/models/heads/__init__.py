"""Heads."""

from .text_feature_head import TextFeatureHead
from .text_prompt_head import TextPromptHead

__all__ = ['TextFeatureHead', 'TextPromptHead']
