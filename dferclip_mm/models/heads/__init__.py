"""Heads: clip features to logits or scores, and their losses."""

from .exp_clip_head import ExpCLIPHead
from .precomputed_text_head import PrecomputedTextHead
from .regression_head import RegressionHead
from .text_prompt_head import TextPromptHead
from .video_text_contrastive_head import VideoTextContrastiveHead

__all__ = [
    'ExpCLIPHead',
    'PrecomputedTextHead',
    'RegressionHead',
    'TextPromptHead',
    'VideoTextContrastiveHead',
]
