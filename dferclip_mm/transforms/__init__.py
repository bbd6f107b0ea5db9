"""Pipeline steps: open, sample, decode, crop, resize, brighten, rotate; features of texts.

MMAction2's ``Flip``, ``CenterCrop``, ``FormatShape`` and ``PackActionInputs`` do the rest. Open
this door to change what a model sees of a clip, or the augmentation.
"""

from .augment import ClipBrightness, ClipRotation
from .clip_decode import ClipDecode
from .clip_init import ClipInit
from .resize import ClipRandomCrop, ClipResize, ClipResizeShortEdge
from .sampling import SampleSegments, SampleWindow
from .text_features import LoadTextFeatures

__all__ = [
    'ClipBrightness',
    'ClipDecode',
    'ClipInit',
    'ClipRandomCrop',
    'ClipResize',
    'ClipResizeShortEdge',
    'ClipRotation',
    'LoadTextFeatures',
    'SampleSegments',
    'SampleWindow',
]
