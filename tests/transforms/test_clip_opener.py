"""What opens a data set's clips outside of its run looks at them as the run does."""

import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.transforms import ClipInit
from dferclip_mm.transforms.clip_opener import ClipOpener, kind_of, opened_clip, steps_of


def test_the_pipelines_own_opener_opens(tmp_path, video):
    path = str(video(tmp_path / 'clip.mp4', 3))
    nested = dict(type='RandomChoice', transforms=[[dict(type='ClipInit', max_pixels=10)]])
    for pipeline in ([nested], [ClipInit(max_pixels=10)], [dict(type=ClipInit, max_pixels=10)]):
        with pytest.raises(ClipReadError, match='at most 10'):
            ClipOpener(None, pipeline)(dict(filename=path))
    with opened_clip(dict(filename=path), ClipOpener(None)) as (opened, reader):
        assert opened['total_frames'] == len(reader) == 3


def test_transforms_are_found_within_others():
    inner = dict(type='DecordInit')
    pipeline = [dict(type='KeyMapper', transforms=inner), dict(type='ImgAug', transforms='default')]
    steps = [*steps_of([*pipeline, ClipInit()])]
    assert [kind_of(step).__name__ for step in steps] == [
        'DecordInit',
        'KeyMapper',
        'ImgAug',
        'ClipInit',
    ]
    assert kind_of(dict(type='NoSuchTransform')) is kind_of(dict(scale=1)) is object
    assert kind_of(dict(type='DecordInit')) is TRANSFORMS.get('DecordInit')
