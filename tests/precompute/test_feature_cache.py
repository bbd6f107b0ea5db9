"""The folder of frame features: whole at any moment, and refused when it is of something else."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from mini_corpora import write_clip

from dferclip_mm.precompute.feature_cache import FrameCache, StaleFeaturesError, journal
from dferclip_mm.precompute.feature_cache_writer import FrameCacheWriter
from dferclip_mm.precompute.fingerprints import content_fingerprint, fingerprint, held_still

IDENTITY = {
    'encoder': 'CLIPVisualEncoder 1',
    'weights': 'a',
    'data_preprocessor': {'mean': [0, 0, 0], 'std': [255, 255, 255]},
    'pixels': [{'type': 'ClipDecode'}, {'type': 'ClipResize', 'size': 224}],
    'dtype': 'float32',
    'width': 3,
}


def features(frames, first=0.0):
    return np.arange(frames * 3, dtype=np.float32).reshape(frames, 3) + first


def add(writer, path, rows):
    with held_still(str(path)) as state:
        writer.add(str(path), rows, state)


@pytest.fixture
def corpus(tmp_path):
    """Clips of 4 and 2 frames, their features in `cache`."""
    for name, frames in (('a/00001', 4), ('b/00001', 2)):
        write_clip(tmp_path / 'corpus' / name, frames, 'jpg')
    with FrameCacheWriter(tmp_path / 'cache', IDENTITY, tmp_path / 'corpus') as writer:
        add(writer, tmp_path / 'corpus/a/00001', features(4))
        add(writer, tmp_path / 'corpus/b/00001', features(2, 100))
    return tmp_path / 'corpus'


@pytest.fixture
def cache(corpus):
    return FrameCache(corpus.parent / 'cache')


def test_clips_are_found_by_path_and_read_in_full(corpus, cache):
    for name, expected in (('a/00001', features(4)), ('b/00001', features(2, 100))):
        entry = cache.find(str(corpus / name))
        assert entry.clip == name
        found = cache.read(entry)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    assert cache.find(str(corpus / 'c/00001')) is None
    assert cache.find(str(corpus / '00001')) is None


def test_half_precision_is_read_as_float32(corpus, tmp_path):
    with FrameCacheWriter(tmp_path / 'half', {**IDENTITY, 'dtype': 'float16'}, corpus) as writer:
        add(writer, corpus / 'a/00001', features(4, 0.3))
    cache = FrameCache(tmp_path / 'half')
    found = cache.read(cache.entries['a/00001'])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, features(4, 0.3).astype(np.float16).astype(np.float32))
    assert (tmp_path / 'half/features.bin').stat().st_size == 4 * 3 * 2


@pytest.mark.parametrize(
    ('key', 'other'),
    [
        ('encoder', 'CLIPVisualEncoder 2'),
        ('weights', 'b'),
        ('data_preprocessor', {'mean': [0, 0, 0], 'std': [1, 1, 1]}),
        ('pixels', [{'type': 'ClipDecode'}, {'type': 'ClipResize', 'size': 112}]),
        ('pixels', [{'type': 'ClipDecode'}, {'type': 'ClipResizeShortEdge', 'size': 224}]),
        ('pixels', [{'type': 'ClipDecode'}]),
        ('dtype', 'float16'),
    ],
)
def test_features_of_something_else_are_refused(corpus, cache, key, other):
    cache.require({name: value for name, value in IDENTITY.items() if name != 'width'})
    expected = {**IDENTITY, key: other}
    with pytest.raises(StaleFeaturesError) as found:
        cache.require({key: other})
    for part in (fingerprint(IDENTITY), fingerprint(expected), f'{key}: stored are features of'):
        assert part in str(found.value)
    with (
        pytest.raises(StaleFeaturesError, match=fingerprint(expected)),
        FrameCacheWriter(cache.folder, expected, corpus),
    ):
        pass


def changed_byte(clip):
    file = clip / '2.jpg'
    data = bytearray(file.read_bytes())
    data[-10] ^= 1
    file.write_bytes(data)


def other_frame_in_place(clip):
    """Same name, same size, same time; only the time of one frame tells."""
    stat = (clip / '2.jpg').stat()
    changed_byte(clip)
    os.utime(clip / '2.jpg', ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


@pytest.mark.promise('Precomputed data', 'Cached features of a changed clip are refused')
@pytest.mark.parametrize(
    'change',
    [
        changed_byte,
        other_frame_in_place,
        lambda clip: (clip / '4.jpg').unlink(),
        lambda clip: shutil.copy(clip / '4.jpg', clip / '5.jpg'),
        lambda clip: (clip / '4.jpg').rename(clip / '5.jpg'),
    ],
)
def test_a_clip_that_changed_is_refused(corpus, cache, change):
    path = corpus / 'a/00001'
    entry = cache.find(str(path))
    cache.check(entry, str(path))
    change(path)
    with pytest.raises(StaleFeaturesError) as found:
        cache.check(entry, str(path))
    assert entry.content in str(found.value)
    assert content_fingerprint(str(path)) in str(found.value)


def test_a_copy_of_the_corpus_is_the_same_clips(corpus, cache, tmp_path):
    """Times differ and bytes do not, as on a node's own disk; other files beside are no frames."""
    shutil.copytree(corpus, tmp_path / 'elsewhere/corpus', copy_function=shutil.copy)
    path = tmp_path / 'elsewhere/corpus/a/00001'
    os.utime(path / '1.jpg', (0, 0))
    (path / 'notes.txt').write_text('no frame')
    cache.check(cache.find(str(path)), str(path))


def test_damaged_rows_are_refused(corpus, cache):
    file = cache.folder / 'features.bin'
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match=r'features of a/00001 are damaged'):
        cache.read(cache.entries['a/00001'])
    cache.read(cache.entries['b/00001'])
    file.write_bytes(data[:-4])
    with pytest.raises(ValueError, match=r'features of b/00001 are damaged'):
        cache.read(cache.entries['b/00001'])


def test_what_was_interrupted_is_cut_off_and_written_again(corpus, cache):
    whole = (cache.folder / 'features.bin').read_bytes()
    lines = (cache.folder / 'clips.jsonl').read_bytes()
    first = lines.index(b'\n') + 1
    for rows in (48, 49, 71, 72, 80):
        for end in range(first, len(lines), 7):
            (cache.folder / 'features.bin').write_bytes(whole.ljust(80, b'x')[:rows])
            (cache.folder / 'clips.jsonl').write_bytes(lines[:end])
            assert list(FrameCache(cache.folder).entries) == ['a/00001']
            if end == first + 70:
                with FrameCacheWriter(cache.folder, IDENTITY, corpus) as writer:
                    assert not writer.holds(str(corpus / 'b/00001'))
                    add(writer, corpus / 'b/00001', features(2, 100))
                assert (cache.folder / 'features.bin').read_bytes() == whole
                assert (cache.folder / 'clips.jsonl').read_bytes() == lines


def test_two_writers_are_one_too_many(corpus, cache):
    with (
        FrameCacheWriter(cache.folder, IDENTITY, corpus),
        pytest.raises(BlockingIOError, match='is being written by another process'),
        FrameCacheWriter(cache.folder, IDENTITY, corpus),
    ):
        pass


def test_nothing_is_decided_while_another_process_writes(corpus, tmp_path):
    folder = tmp_path / 'new'
    with (
        journal(folder).writing(),
        pytest.raises(BlockingIOError, match='is being written by another process'),
        FrameCacheWriter(folder, IDENTITY, corpus),
    ):
        pass
    assert [path.name for path in folder.iterdir()] == ['clips.jsonl']
    assert (folder / 'clips.jsonl').read_bytes() == b''


def test_a_folder_is_begun_again_after_a_kill_before_its_identity(corpus, tmp_path):
    folder = tmp_path / 'new'
    folder.mkdir()
    (folder / 'clips.jsonl').touch()
    (folder / 'identity.json.partial').write_text('{"wei')
    with FrameCacheWriter(folder, IDENTITY, corpus) as writer:
        add(writer, corpus / 'a/00001', features(4))
    assert FrameCache(folder).identity == IDENTITY
    assert {path.name for path in folder.iterdir()} == {
        'clips.jsonl', 'features.bin', 'identity.json'
    }  # fmt: skip


def test_features_without_their_identity_are_other_files(corpus, cache):
    (cache.folder / 'identity.json').unlink()
    before = {path: path.read_bytes() for path in cache.folder.iterdir()}
    with (
        pytest.raises(ValueError, match='holds other files'),
        FrameCacheWriter(cache.folder, {**IDENTITY, 'weights': 'b'}, corpus),
    ):
        pass
    assert {path: path.read_bytes() for path in cache.folder.iterdir()} == before


def test_the_identity_is_on_the_disk_before_any_row(corpus, tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor):
        name = Path(f'/proc/self/fd/{descriptor}').readlink().name
        synced.append((name, (tmp_path / 'new/features.bin').exists()))

    monkeypatch.setattr(os, 'fsync', fsync)
    with FrameCacheWriter(tmp_path / 'new', IDENTITY, corpus):
        pass
    assert synced[:2] == [('identity.json.partial', False), ('new', False)]


def test_folders_of_other_things_are_refused(corpus, cache, tmp_path):
    with (
        pytest.raises(ValueError, match='holds other files'),
        FrameCacheWriter(corpus, IDENTITY, corpus),
    ):
        pass
    with pytest.raises(FileNotFoundError, match=r'no frame features in .*run tools/cache_frames'):
        FrameCache(tmp_path)
    for text in ('{}', 'no json', '[]'):
        (cache.folder / 'identity.json').write_text(text)
        with pytest.raises(ValueError, match='does not hold frame features'):
            FrameCache(cache.folder)


def test_lines_of_other_things_are_refused(cache):
    with (cache.folder / 'clips.jsonl').open('a') as file:
        file.write(json.dumps({'name': 'x'}) + '\n')
    with pytest.raises(ValueError, match=r'not hold frame features .*clips\.jsonl, line 3: exp'):
        FrameCache(cache.folder)


def test_fewer_rows_than_listed_are_refused_before_writing(corpus, cache):
    (cache.folder / 'features.bin').write_bytes(b'')
    with (
        pytest.raises(ValueError, match=r'shorter than clips\.jsonl says'),
        FrameCacheWriter(cache.folder, IDENTITY, corpus),
    ):
        pass


@pytest.mark.parametrize('wrong', [features(4) * np.nan, features(4)[:, :2], features(4)[0]])
def test_what_are_no_features_is_refused(corpus, cache, wrong):
    with FrameCacheWriter(cache.folder, IDENTITY, corpus) as writer:
        with pytest.raises(ValueError, match='expected finite features'):
            add(writer, corpus / 'a/00001', wrong)
        assert writer.holds(str(corpus / 'a/00001'))


def test_values_beyond_half_precision_are_refused(corpus, tmp_path):
    with (
        FrameCacheWriter(tmp_path / 'half', {**IDENTITY, 'dtype': 'float16'}, corpus) as writer,
        pytest.raises(ValueError, match='not finite as float16'),
        np.errstate(over='ignore'),
    ):
        add(writer, corpus / 'a/00001', features(4) + 1e6)
