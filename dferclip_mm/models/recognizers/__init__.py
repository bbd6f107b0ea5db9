"""Recognizers: how backbone, neck and head are joined."""

from .frame_recognizer import FrameRecognizer

__all__ = ['FrameRecognizer']
