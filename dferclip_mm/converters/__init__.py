"""Published checkpoints of other projects, converted to ours and back.

Open this door to add a checkpoint source: a module with a key table, like `dferclip` and `emoclip`.
"""

from .convert import convert, convert_back
from .converted import ConversionError, Converted, output_files, serialize, write_files
from .publish import bake_text_features
from .read import read_checkpoint

__all__ = [
    'ConversionError',
    'Converted',
    'bake_text_features',
    'convert',
    'convert_back',
    'output_files',
    'read_checkpoint',
    'serialize',
    'write_files',
]
