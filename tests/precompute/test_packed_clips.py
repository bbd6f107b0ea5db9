"""Packing cut off at any point goes on; what was altered, cut or outdated is found."""

import multiprocessing
import os
import shutil
import signal

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.packed import PackedClip, write_packed
from dferclip_mm.precompute import packed_clips
from dferclip_mm.precompute.packed_clips import (
    INDEX,
    PackedFolder,
    name_clips,
    plan_clip,
    read_clip,
)
from dferclip_mm.transforms import ClipInit
from dferclip_mm.transforms.clip_opener import ClipOpener


@pytest.fixture
def clips(tmp_path, frames):
    """Name in the pack -> path of five clips of three frames."""
    paths = [frames(tmp_path / f'clips/{number}', 3) for number in range(5)]
    return {f'{path.name}.safetensors': str(path) for path in paths}


def own(clips):
    """What opens clips that no data set lists."""
    return {path: ClipOpener(None) for path in clips.values()}


def pack(folder, clips):
    packed = PackedFolder(folder, own(clips))
    left = [name for name, path in clips.items() if not packed.is_done(name, path)]
    with packed.writing():
        for name in left:
            packed.add(name, clips[name])
    return left


def problems(folder, clips):
    return [problem for problem in PackedFolder(folder, own(clips)).verify(clips) if problem]


def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def die_writing(path, _frames):
    path.write_bytes(b'half')
    die()


KILLS = {
    'while a clip is written': ('write_packed', die_writing),
    'before a clip is in place': ('sha256', die),
    'before its line': ('Journal.append', die),
}


def pack_and_die(folder, clips, target, death):
    packed = PackedFolder(folder, own(clips))
    with packed.writing():
        for number, name in enumerate(clips):
            if number == 2:
                *modules, attribute = target.split('.')
                setattr(
                    getattr(packed_clips, modules[0]) if modules else packed_clips, attribute, death
                )
            packed.add(name, clips[name])


@pytest.mark.parametrize('kind', KILLS)
def test_packing_that_was_killed_goes_on(tmp_path, clips, kind):
    folder = tmp_path / 'packed'
    child = multiprocessing.get_context('fork').Process(
        target=pack_and_die, args=(folder, clips, *KILLS[kind])
    )
    child.start()
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    assert len(problems(folder, clips)) == 3
    assert pack(folder, clips) == [*clips][2:]
    assert problems(folder, clips) == []
    assert {path.name for path in folder.iterdir()} == {INDEX, *clips}


def test_an_index_whose_last_line_is_torn_goes_on(tmp_path, clips):
    folder = tmp_path / 'packed'
    pack(folder, clips)
    index = folder / INDEX
    index.write_bytes(index.read_bytes()[:-20])
    assert problems(folder, clips) == ['4.safetensors: not packed']
    assert pack(folder, clips) == ['4.safetensors']
    assert len(index.read_text().splitlines()) == 5
    assert problems(folder, clips) == []


def test_a_clip_that_changed_is_stale_and_packed_anew(tmp_path, clips, frames):
    folder = tmp_path / 'packed'
    pack(folder, clips)
    frames(tmp_path / 'clips/3', 4)
    assert [problem.split(',')[0] for problem in problems(folder, clips)] == [
        '3.safetensors: stale'
    ]
    assert pack(folder, clips) == ['3.safetensors']
    assert len(PackedClip(str(folder / '3.safetensors'))) == 4
    assert problems(folder, clips) == []


def test_two_packers_do_not_mix(tmp_path, clips):
    first = PackedFolder(tmp_path / 'packed', own(clips))
    with (
        first.writing(),
        pytest.raises(BlockingIOError, match='by another process'),
        PackedFolder(tmp_path / 'packed', own(clips)).writing(),
    ):
        pass


def test_a_clip_that_does_not_decode_leaves_nothing(tmp_path, clips):
    bad = tmp_path / 'clips/1/00002.jpg'
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(ClipReadError, match=r'clips/1: .*00002.jpg is cut short'):
        pack(tmp_path / 'packed', clips)
    assert {path.name for path in (tmp_path / 'packed').iterdir()} == {INDEX, '0.safetensors'}


def test_the_plan_is_the_size(tmp_path, frames, video):
    for path in (frames(tmp_path / 'a', 9, size=(120, 160)), video(tmp_path / 'b.mp4', 20)):
        plan = plan_clip('a.safetensors', str(path), ClipOpener(None))
        write_packed(tmp_path / 'a.safetensors', read_clip(str(path)))
        assert plan.frames == len(PackedClip(str(tmp_path / 'a.safetensors')))
        assert plan.bytes == pytest.approx((tmp_path / 'a.safetensors').stat().st_size, rel=0.02)


def test_a_copied_corpus_is_packed_already(tmp_path, clips):
    pack(tmp_path / 'packed', clips)
    shutil.copytree(tmp_path / 'clips', tmp_path / 'copy', copy_function=shutil.copy)
    copied = {name: path.replace('/clips/', '/copy/') for name, path in clips.items()}
    for path in (tmp_path / 'copy').rglob('*.jpg'):
        os.utime(path, (0, 0))
    assert problems(tmp_path / 'packed', copied) == []
    assert pack(tmp_path / 'packed', copied) == []


def test_a_pack_whose_clips_were_deleted_is_whole(tmp_path, clips):
    pack(tmp_path / 'packed', clips)
    shutil.rmtree(tmp_path / 'clips')
    assert problems(tmp_path / 'packed', clips) == []
    assert pack(tmp_path / 'packed', clips) == []


def test_a_clip_that_changes_while_it_is_packed_is_not(tmp_path, clips, monkeypatch):
    def write_and_change(path, frames):
        count = write_packed(path, frames)
        os.utime(tmp_path / 'clips/1/00002.jpg', (0, 0))
        return count

    name = '1.safetensors'
    monkeypatch.setattr(packed_clips, 'write_packed', write_and_change)
    with pytest.raises(ClipReadError, match=r'clips/1 was changed while it was read'):
        pack(tmp_path / 'packed', {name: clips[name]})
    assert {path.name for path in (tmp_path / 'packed').iterdir()} == {INDEX}


def test_names_may_hold_any_character(tmp_path, frames):
    for name in ('u\u2028x', 'u\u0085x', 'u\u2029x', 'u\rx', 'u\nx', 'ü表'):
        clips = {f'{name}.safetensors': str(frames(tmp_path / name, 1))}
        assert pack(tmp_path / 'packed', clips) == [*clips]
        assert pack(tmp_path / 'packed', clips) == []
        assert problems(tmp_path / 'packed', clips) == []


def test_frames_of_several_sizes_stay_what_they_are(tmp_path, frames):
    folder = frames(tmp_path / 'a', 2, size=(12, 16))
    cv2.imwrite(str(folder / '00003.jpg'), np.full((24, 20, 3), 90, np.uint8))
    write_packed(tmp_path / 'a.safetensors', read_clip(str(folder)))
    packed = PackedClip(str(tmp_path / 'a.safetensors'))
    assert [packed.read(n).shape for n in range(3)] == [(12, 16, 3), (12, 16, 3), (24, 20, 3)]
    for number, frame in enumerate(read_clip(str(folder))):
        np.testing.assert_array_equal(packed.read(number), frame)


@pytest.fixture
def packed_file(tmp_path, frames):
    path = tmp_path / 'a.safetensors'
    write_packed(path, read_clip(str(frames(tmp_path / 'a', 3))))
    return path


def decode_all(path):
    opened = ClipInit()(dict(filename=str(path), ann_file='l.txt', ann_line=2))
    reader = opened['clip_reader']
    try:
        return [reader.read(number) for number in range(len(reader))]
    finally:
        reader.close()


@pytest.mark.parametrize('share', [0, 0.001, 0.2, 0.5, 0.999])
def test_a_packed_clip_that_was_cut_is_refused(packed_file, share):
    content = packed_file.read_bytes()
    packed_file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ClipReadError, match=r'\(listed in l.txt:2\): expected a packed clip'):
        decode_all(packed_file)


@pytest.mark.promise('Precomputed data', '`pack_dataset.py --verify` finds every changed byte')
def test_every_altered_byte_is_noticed(packed_file):
    content = packed_file.read_bytes()
    rng = np.random.RandomState(0)
    for place in [*range(0, 300, 7), *rng.randint(300, len(content), 100)]:
        altered = bytearray(content)
        altered[place] ^= 1 << rng.randint(8)
        packed_file.write_bytes(altered)
        with pytest.raises((ClipReadError, ValueError)):
            decode_all(packed_file)


def test_other_safetensors_are_no_clips(packed_file):
    save_file(load_file(packed_file), packed_file, metadata={'format': 'np'})
    with pytest.raises(ClipReadError, match='found another file'):
        decode_all(packed_file)


@pytest.mark.parametrize(
    'sums', ['5', 'true', '1.5', '{"0": 1}', '"a"', '[[1]]', '[1.0]', '[true]', '[' * 200_000]
)
def test_checksums_that_are_none_are_refused(tmp_path, sums):
    path = tmp_path / 'a.safetensors'
    known = dict(format='dferclip_mm packed clip 1', sums=sums)
    save_file({'000000': np.zeros((1, 1, 3), np.uint8)}, path, metadata=known)
    with pytest.raises(ClipReadError, match='found another file'):
        decode_all(path)


class Listed:
    """A data set of some paths."""

    def __init__(self, root, *paths):
        self.root, self.clip_folder, self.paths = root, root / 'clips', paths

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, number):
        return dict(filename=str(self.paths[number]))


def test_names_are_those_of_the_lists(tmp_path, frames):
    folder = frames(tmp_path / 'clips/a.b/1', 1)
    beside = frames(tmp_path / 'other/2', 1)
    video = tmp_path / 'clips/3.mp4'
    assert name_clips([Listed(tmp_path, folder, beside), Listed(tmp_path, folder, video)]) == {
        'a.b/1.safetensors': str(folder),
        'other/2.safetensors': str(beside),
        '3.safetensors': str(video),
    }
    with pytest.raises(ValueError, match='would both be packed as'):
        name_clips([Listed(tmp_path, frames(tmp_path / 'clips/3', 1), video)])
    with pytest.raises(ValueError, match='lies outside of'):
        name_clips([Listed(tmp_path / 'clips', folder, beside)])
