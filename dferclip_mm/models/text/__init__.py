"""CLIP's text tower, and prompts and captions for it.

Open this door to change how sentences become text features.
"""

from .clip_text_encoder import CLIPTextEncoder
from .prompt_learner import PromptLearner
from .tokens import CaptionTokenizer

__all__ = [
    'CLIPTextEncoder',
    'CaptionTokenizer',
    'PromptLearner',
]
