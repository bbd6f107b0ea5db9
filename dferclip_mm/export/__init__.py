"""A trained model elsewhere: an ONNX file from frames to class probabilities.

Open this door to export a model, or to change what an exported file says of itself.
"""

from .describe import describe_model
from .onnx_file import write_onnx
from .onnx_recognizer import OnnxRecognizer

__all__ = ['OnnxRecognizer', 'describe_model', 'write_onnx']
