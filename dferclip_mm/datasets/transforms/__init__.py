"""Transforms from a clip's path to its pixels; the host's ``Flip``, ``CenterCrop``,
``FormatShape`` and ``PackActionInputs`` do the rest."""

from .augment import ClipBrightness, ClipRotation
from .decode import DecodeClip
from .errors import ClipReadError
from .frame_features import OpenFrameFeatures, PickFrameFeatures
from .open_clip import OpenClip
from .resize import ClipRandomCrop, ClipResize, ClipResizeShorter
from .sampling import SampleSegments, SampleWindow

__all__ = [
    'ClipBrightness',
    'ClipRandomCrop',
    'ClipReadError',
    'ClipResize',
    'ClipResizeShorter',
    'ClipRotation',
    'DecodeClip',
    'OpenClip',
    'OpenFrameFeatures',
    'PickFrameFeatures',
    'SampleSegments',
    'SampleWindow',
]
