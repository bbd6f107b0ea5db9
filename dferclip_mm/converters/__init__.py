"""Published checkpoints of other projects, converted to ours.

Open this door to add a checkpoint source: a record of its names in `layouts`.
"""

from .convert import convert
from .converted import Converted, output_files, serialize
from .publish import bake_text_features
from .read import read_published

__all__ = [
    'Converted',
    'bake_text_features',
    'convert',
    'output_files',
    'read_published',
    'serialize',
]
