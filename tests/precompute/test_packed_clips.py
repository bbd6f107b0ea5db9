"""Packed clips have the pixels of their sources."""

import cv2
import numpy as np
import pytest

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.packed import FORMAT, PackedClip
from dferclip_mm.precompute import packed_clips
from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.packed_clips import pack_clip, packed_bytes, read_frames


@pytest.fixture
def store(tmp_path):
    return ClipStore(tmp_path / 'packed', FORMAT)


def test_frames_of_a_folder_and_of_a_video_are_packed_unchanged(
    tmp_path, frames, video, store, source_clip
):
    folder = frames(tmp_path / 'a', 9, size=(120, 160))
    cv2.imwrite(str(folder / '00010.jpg'), np.full((24, 20, 3), 90, np.uint8))
    for path in (folder, video(tmp_path / 'b.mp4', 20)):
        clip = source_clip(path)
        pack_clip(clip, store)
        packed = PackedClip(str(store.file(clip.name)))
        expected = read_frames(clip)
        assert len(packed) == len(expected)
        for number, frame in enumerate(expected):
            np.testing.assert_array_equal(packed.read(number), frame)
        size = store.file(clip.name).stat().st_size
        assert packed_bytes(packed) == pytest.approx(size, rel=0.12)


def test_a_clip_that_changes_while_it_is_packed_is_outdated(
    tmp_path, frames, store, source_clip, monkeypatch
):
    def read_and_change(clip):
        found = read_frames(clip)
        (tmp_path / 'a/00002.jpg').write_bytes((tmp_path / 'a/00003.jpg').read_bytes())
        return found

    clip = source_clip(frames(tmp_path / 'a', 3))
    monkeypatch.setattr(packed_clips, 'read_frames', read_and_change)
    pack_clip(clip, store)
    assert not store.is_current(clip.name, clip.path)


def test_a_clip_that_does_not_decode_is_not_packed(tmp_path, frames, store, source_clip):
    clip = source_clip(frames(tmp_path / 'a', 3))
    frame = tmp_path / 'a/00002.jpg'
    frame.write_bytes(frame.read_bytes()[:100])
    with pytest.raises(ClipReadError, match=r'/a: .*00002.jpg is cut short'):
        pack_clip(clip, store)
    with pytest.raises(ClipReadError, match='No such file'):
        pack_clip(source_clip(tmp_path / 'missing.mp4'), store)
    assert not store.folder.exists()
