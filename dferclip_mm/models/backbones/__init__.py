"""Backbones: images to features."""

from .clip_visual_encoder import CLIPVisualEncoder

__all__ = ['CLIPVisualEncoder']
