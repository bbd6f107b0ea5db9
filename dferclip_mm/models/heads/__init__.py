"""Heads."""

from .text_prompt_head import TextPromptHead

__all__ = ['TextPromptHead']
