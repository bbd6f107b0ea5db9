"""Published checkpoints of DFER-CLIP and EmoCLIP to ours and back; text features folded in."""

from .convert import Converted, convert, convert_back
from .errors import ConversionError
from .publish import fold_text
from .read import read_checkpoint
from .write import companions, serialise, write_files

__all__ = [
    'ConversionError',
    'Converted',
    'companions',
    'convert',
    'convert_back',
    'fold_text',
    'read_checkpoint',
    'serialise',
    'write_files',
]
