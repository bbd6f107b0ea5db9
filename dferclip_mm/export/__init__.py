"""A trained model elsewhere: an ONNX file from frames to class probabilities."""

from .onnx_file import describe_model, write_onnx
from .onnx_recognizer import OnnxRecognizer

__all__ = ['OnnxRecognizer', 'describe_model', 'write_onnx']
