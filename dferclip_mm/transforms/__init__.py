"""Transforms from a clip's path to its pixels; the host's ``Flip``, ``CenterCrop``,
``FormatShape`` and ``PackActionInputs`` do the rest."""

from .augment import ClipBrightness, ClipRotation
from .clip_decode import ClipDecode
from .clip_init import ClipInit
from .resize import ClipRandomCrop, ClipResize, ClipResizeShortEdge
from .sampling import SampleSegments, SampleWindow

__all__ = [
    'ClipBrightness',
    'ClipDecode',
    'ClipInit',
    'ClipRandomCrop',
    'ClipResize',
    'ClipResizeShortEdge',
    'ClipRotation',
    'SampleSegments',
    'SampleWindow',
]
