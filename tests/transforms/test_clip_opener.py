"""Clips are opened outside of a run with the run's own `ClipInit`."""

import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.transforms import ClipInit
from dferclip_mm.transforms.clip_opener import (
    class_of,
    find_clip_init,
    iterate_steps,
    open_clip_frames,
)


def test_the_clip_init_of_the_pipeline_opens_clips(tmp_path, video):
    info = dict(filename=str(video(tmp_path / 'clip.mp4', 3)))
    nested = dict(type='RandomChoice', transforms=[[dict(type='ClipInit', max_pixels=10)]])
    for pipeline in ([nested], [ClipInit(max_pixels=10)], [dict(type=ClipInit, max_pixels=10)]):
        with pytest.raises(ClipReadError, match='at most 10'):
            find_clip_init(pipeline)(dict(info))
    with open_clip_frames(info, find_clip_init([])) as reader:
        assert len(reader) == 3


def test_nested_transforms_are_found():
    inner = dict(type='DecordInit')
    pipeline = [dict(type='KeyMapper', transforms=inner), dict(type='ImgAug', transforms='default')]
    steps = [*iterate_steps([*pipeline, ClipInit()])]
    names = ['DecordInit', 'KeyMapper', 'ImgAug', 'ClipInit']
    assert [class_of(step).__name__ for step in steps] == names
    assert class_of(dict(type='NoSuchTransform')) is class_of(dict(scale=1)) is object
    assert class_of(dict(type='DecordInit')) is TRANSFORMS.get('DecordInit')
