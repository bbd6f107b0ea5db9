"""Transforms from a clip's path to its pixels; the host's ``Flip``, ``CenterCrop``,
``FormatShape`` and ``PackActionInputs`` do the rest."""

from .augment import ClipBrightness, ClipRotation
from .clip_decode import DecodeClip
from .clip_init import OpenClip
from .resize import ClipRandomCrop, ClipResize, ClipResizeShorter
from .sampling import SampleSegments, SampleWindow

__all__ = [
    'ClipBrightness',
    'ClipRandomCrop',
    'ClipResize',
    'ClipResizeShorter',
    'ClipRotation',
    'DecodeClip',
    'OpenClip',
    'SampleSegments',
    'SampleWindow',
]
