"""Recognizers."""

from .frame_recognizer import FrameRecognizer

__all__ = ['FrameRecognizer']
