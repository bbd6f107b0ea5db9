"""A trained model elsewhere: an ONNX file from frames to class probabilities.

Open this door to export a model, or to change what an exported file says of itself.
"""

from .describe import describe_model
from .onnx_file import Exported, write_onnx
from .onnx_recognizer import OnnxRecognizer

__all__ = ['Exported', 'OnnxRecognizer', 'describe_model', 'write_onnx']
