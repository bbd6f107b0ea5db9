"""What opens a data set's clips outside of its run looks at them as the run does."""

import cv2
import numpy as np
import pytest
from mini_corpora import write_dfew
from mmaction.registry import DATASETS, TRANSFORMS

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.precompute import packed_clips
from dferclip_mm.precompute.encode_frames import WholeClips, estimate_bytes, unique_clips
from dferclip_mm.precompute.packed_clips import PackedFolder, name_clips, openers_of
from dferclip_mm.transforms import ClipInit
from dferclip_mm.transforms.clip_opener import ClipOpener, kind_of, opened_clip, steps_of

PIXELS = [dict(type='ClipDecode'), dict(type='FormatShape', input_format='NCHW')]


@pytest.fixture
def dataset(tmp_path):
    """Seven clips; a frame of the first is a link out of the root."""
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    cv2.imwrite(str(tmp_path / 'secret.jpg'), np.full((24, 20, 3), 200, np.uint8))
    frame = root / 'Clip/clip_224x224/00001/2.jpg'
    frame.unlink()
    frame.symlink_to(tmp_path / 'secret.jpg')

    def build(**options):
        return DATASETS.build(dict(type='DFEWDataset', data_root=str(root), pipeline=[], **options))

    return build


def no_bytes(path):
    raise AssertionError(f'{path} was hashed')


def test_a_frame_outside_of_the_root_is_not_packed(dataset, tmp_path, monkeypatch):
    clips = name_clips([dataset()])
    packed = PackedFolder(tmp_path / 'packed', openers_of([dataset()], [()]))
    with packed.writing():
        packed.add('00003.safetensors', clips['00003.safetensors'])
        monkeypatch.setattr(packed_clips, 'held_still', no_bytes)
        with pytest.raises(ClipReadError, match=r'00001: expected a clip inside .*secret\.jpg'):
            packed.add('00001.safetensors', clips['00001.safetensors'])
    assert not (tmp_path / 'packed/00001.safetensors').exists()


def test_what_was_packed_of_it_once_is_not_read_again(dataset, tmp_path, monkeypatch):
    clips = name_clips([dataset()])
    allowed = PackedFolder(
        tmp_path / 'packed', openers_of([dataset(allow_outside_root=True)], [()])
    )
    name = '00001.safetensors'
    with allowed.writing():
        allowed.add(name, clips[name])
    assert allowed.is_done(name, clips[name])
    packed = PackedFolder(tmp_path / 'packed', openers_of([dataset()], [()]))
    monkeypatch.setattr(packed_clips, 'is_unchanged', no_bytes)
    with pytest.raises(ClipReadError, match='a link to'):
        packed.is_done(name, clips[name])
    (problem,) = packed.verify({name: clips[name]})
    assert 'a link to' in problem


def test_no_features_are_kept_of_a_frame_outside_of_the_root(dataset, monkeypatch):
    items = unique_clips([dataset(), dataset()])
    assert len(items) == 7
    assert estimate_bytes(items, 10) == 7 * 3 * 10
    assert WholeClips(items, PIXELS)[1].frames.shape == (3, 3, 24, 20)
    allowed = unique_clips([dataset(allow_outside_root=True)])
    assert WholeClips(allowed, PIXELS)[0].frames.shape == (3, 3, 24, 20)
    monkeypatch.setattr('dferclip_mm.precompute.encode_frames.held_still', no_bytes)
    found = WholeClips(items, PIXELS)[0]
    assert found.frames is None
    assert 'set_1.csv:2): expected a clip inside' in found.error
    assert found.error.endswith('or set allow_outside_root=True')


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
