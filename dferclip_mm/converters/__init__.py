"""Published checkpoints of DFER-CLIP and EmoCLIP to ours and back; text features folded in."""

from .convert import Converted, convert, convert_back
from .errors import ConversionError
from .publish import bake_text_features
from .read import read_checkpoint
from .write import companions, serialise, write_files

__all__ = [
    'ConversionError',
    'Converted',
    'bake_text_features',
    'companions',
    'convert',
    'convert_back',
    'read_checkpoint',
    'serialise',
    'write_files',
]
