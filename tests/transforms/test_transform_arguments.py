"""Arguments that a step cannot take are refused when it is built."""

import pytest
from mmaction.registry import TRANSFORMS


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='ClipBrightness', factor_range=(-0.1, 1)),
        dict(type='ClipBrightness', factor_range=(2, 1)),
        dict(type='ClipRotation', degrees=-1),
        dict(type='ClipRotation', fill=(0, 0)),
        dict(type='ClipResize', size=0),
        dict(type='ClipResizeShortEdge', size=-1),
        dict(type='ClipRandomCrop', area=(0.5, 0.1)),
        dict(type='ClipRandomCrop', area=(0, 1)),
        dict(type='ClipRandomCrop', area=(0.1, 1.5)),
        dict(type='ClipRandomCrop', aspect=(2, 1)),
        dict(type='SampleSegments', num_frames=0),
        dict(type='SampleWindow', num_frames=0),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(cfg):
    with pytest.raises(ValueError, match=r'^expected .* found'):
        TRANSFORMS.build(cfg)
