"""Packed clips are read frame by frame; what is not a packed clip is refused."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.packed import FORMAT, name_frames
from dferclip_mm.transforms import ClipInit

FRAMES = [np.full(shape, level, np.uint8) for level, shape in enumerate([(4, 6, 3), (5, 3, 3)], 7)]


@pytest.fixture
def path(tmp_path):
    save_file(name_frames(FRAMES), tmp_path / 'a.safetensors', metadata={'format': FORMAT})
    return tmp_path / 'a.safetensors'


def decode_all(path):
    opened = ClipInit()(dict(filename=str(path), ann_file='l.txt', ann_line=2))
    reader = opened['clip_reader']
    try:
        return [reader.read(number) for number in range(opened['total_frames'])]
    finally:
        reader.close()


def test_frames_of_several_sizes_are_read_unchanged(path):
    for frame, expected in zip(decode_all(path), FRAMES, strict=True):
        np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize('share', [0, 0.001, 0.2, 0.5, 0.999])
def test_a_packed_clip_that_is_cut_short_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ClipReadError, match=r'\(listed in l.txt:2\): expected a packed clip'):
        decode_all(path)


OTHER = 'found another file'
ODD = r'expected frames of the shape \(H, W, 3\) in U8'


@pytest.mark.parametrize(
    ('tensors', 'file_format', 'said'),
    [
        (name_frames(FRAMES), 'np', OTHER),
        (name_frames([]), FORMAT, OTHER),
        ({'000001': FRAMES[0]}, FORMAT, OTHER),
        ({'features': FRAMES[0]}, FORMAT, OTHER),
        (name_frames([FRAMES[0].astype(np.int8)]), FORMAT, ODD),
        (name_frames([FRAMES[0][..., :2]]), FORMAT, ODD),
        (name_frames([FRAMES[0][0]]), FORMAT, ODD),
    ],
)
def test_what_is_no_packed_clip_is_refused(path, tensors, file_format, said):
    save_file(tensors, path, metadata={'format': file_format})
    with pytest.raises(ValueError if said == ODD else ClipReadError, match=said):
        decode_all(path)
