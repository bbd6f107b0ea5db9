"""CLIP's text tower and the prompts that go through it."""

from .clip_text_encoder import CLIPTextEncoder
from .prompt_learner import CONTEXT_POSITIONS, PromptLearner
from .tokens import tokenize

__all__ = ['CONTEXT_POSITIONS', 'CLIPTextEncoder', 'PromptLearner', 'tokenize']
