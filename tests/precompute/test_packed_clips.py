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
        found = [packed.read(number) for number in range(len(packed))]
        for frame, expected in zip(found, read_frames(clip), strict=True):
            np.testing.assert_array_equal(frame, expected)
        size = store.file(clip.name).stat().st_size
        assert packed_bytes(packed) == pytest.approx(size, rel=0.12)


def test_a_clip_that_changes_while_it_is_packed_is_outdated(
    tmp_path, frames, store, source_clip, monkeypatch
):
    clip = source_clip(frames(tmp_path / 'a'))

    def read_and_change(clip):
        found = read_frames(clip)
        (tmp_path / 'a/00002.jpg').unlink()
        return found

    monkeypatch.setattr(packed_clips, 'read_frames', read_and_change)
    pack_clip(clip, store)
    assert not store.is_current(clip.name, clip.path)


def test_a_clip_that_does_not_decode_is_not_packed(tmp_path, frames, store, source_clip):
    (frames(tmp_path / 'a') / '00002.jpg').write_bytes(b'')
    for name, said in (('a', r'/a: .*00002.jpg is empty'), ('gone.mp4', 'No such file')):
        with pytest.raises(ClipReadError, match=said):
            pack_clip(source_clip(tmp_path / name), store)
    assert not store.folder.exists()
