"""One file for each clip: current, missing, outdated, or refused."""

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from dferclip_mm.media.errors import StaleFileError
from dferclip_mm.precompute.clip_store import ClipStore
from dferclip_mm.precompute.source_clips import SourceClip

TENSORS = {'a': np.arange(6.0).reshape(2, 3)}


@pytest.fixture
def clips(tmp_path, frames):
    names = ('x/1', 'x/2', 'y')
    return [SourceClip(name, dict(filename=str(frames(tmp_path / name))), None) for name in names]


@pytest.fixture
def store(tmp_path, clips):
    """With the files of two of them."""
    store = ClipStore(tmp_path / 'store', 'test 1', {'weights': 'a', 'size': (1, 2)})
    for clip in (clips[0], clips[2]):
        store.write(clip.name, TENSORS, clip.state())
    return store


def test_missing_and_changed_clips_are_found(store, clips):
    assert store.find_outdated(clips) == clips[1:2]
    Path(clips[2].path, '00001.jpg').unlink()
    assert store.find_outdated(clips) == clips[1:]
    np.testing.assert_array_equal(load_file(store.file('x/1'))['a'], TENSORS['a'])


@pytest.mark.parametrize(
    ('file_format', 'identity', 'said'),
    [
        ('test 1', {'weights': 'a', 'size': [1, 3]}, r'size: expected \[1, 3\], found \[1, 2\]'),
        ('test 2', {'weights': 'a', 'size': [1, 2]}, 'format: expected test 2, found test 1'),
    ],
)
def test_files_of_another_computation_are_refused(store, clips, file_format, identity, said):
    other = ClipStore(store.folder, file_format, identity)
    with pytest.raises(StaleFileError, match=rf'x/1\.safetensors is of .*{said}'):
        other.find_outdated(clips)


@pytest.mark.parametrize('share', [0, 0.3, 0.99])
def test_damaged_files_are_named(store, clips, share):
    content = store.file('y').read_bytes()
    store.file('y').write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r'y\.safetensors is damaged .*: delete it'):
        store.find_outdated(clips)


def test_two_processes_may_write_the_file_of_one_clip(store, clips, monkeypatch):
    state = clips[1].state()

    def write_in_another_process(_):
        """While the first one syncs its file to the disk."""
        monkeypatch.setattr(os, 'fsync', lambda _: None)
        monkeypatch.setattr(os, 'getpid', lambda: 1)
        store.write('x/2', TENSORS, state)

    monkeypatch.setattr(os, 'fsync', write_in_another_process)
    store.write('x/2', TENSORS, state)
    assert store.is_current('x/2', clips[1].path)
    assert sorted(path.stem for path in store.folder.rglob('*')) == ['1', '2', 'x', 'y']
