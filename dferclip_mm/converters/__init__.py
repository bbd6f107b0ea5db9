"""Published checkpoints of other projects, converted to ours and back.

Open this door to add a checkpoint source: a record of its names in `layouts`.
"""

from .convert import convert, convert_back
from .converted import Converted, output_files, serialize
from .publish import bake_text_features
from .read import read_published

__all__ = [
    'Converted',
    'bake_text_features',
    'convert',
    'convert_back',
    'output_files',
    'read_published',
    'serialize',
]
