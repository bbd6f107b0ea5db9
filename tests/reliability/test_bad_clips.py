"""Each bad file and folder is refused or read, in a process that may crash, hang or eat memory."""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_clips import CASES, FAST, READ, REFUSED, frames, write_corpus
from processes import in_fork

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError

SAMPLED = 8
SECONDS, MEMORY = 120, 4 << 30


def build(root: Path, *, test_mode: bool = True, decoder: str = 'Clip') -> DFEWDataset:
    """The clips of ``root/list.txt``; one that cannot be read raises."""
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
        test_mode=test_mode,
        unreadable='raise',
        pipeline=[
            dict(type=f'{decoder}Init'),
            dict(type='SampleSegments', num_frames=SAMPLED, test_mode=test_mode),
            dict(type=f'{decoder}Decode'),
            dict(type='Resize', scale=(16, 16), keep_ratio=False),
            dict(type='FormatShape', input_format='NCHW'),
            dict(type='PackActionInputs'),
        ],
    )


def outcome(dataset: DFEWDataset, index: int) -> dict[str, Any]:
    """How many different frames a clip has, or what its error says; other errors are raised."""
    try:
        clip = dataset[index]['inputs']
    except ClipReadError as error:
        return dict(said=str(error))
    corner = clip.float()[:, :, 9:, 9:].mean(dim=(1, 2, 3)).div(10).round()
    return dict(shape=list(clip.shape), distinct=len(set(corner.tolist())))


def address_space() -> int:
    """Bytes of address space that this process holds."""
    return int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()


def read_in_fork(
    folder: Path, readings: Callable[[], Iterator[tuple[str, Callable[[], dict]]]]
) -> dict[str, dict]:
    """The outcome of each named reading, made in a forked process with limits."""
    told = folder / 'told.txt'

    def child() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # What the tests' own process holds already is not the reading's.
        limit = address_space() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with told.open('w') as file:
            for name, read in readings():
                print(json.dumps(name), file=file, flush=True)
                signal.alarm(SECONDS)
                print(json.dumps(read()), file=file, flush=True)
                signal.alarm(0)

    code = in_fork(child, folder / 'log.txt')
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    # A crash or a hang happened at the last name.
    assert code == 0, (
        f'ended with {code} at {lines[-1:]}: {(folder / "log.txt").read_text()[-2000:]}'
    )
    return dict(zip(lines[::2], lines[1::2], strict=True))


@pytest.mark.promise('Clips', 'A bad clip is refused with its list and line, or read')
@pytest.mark.parametrize('test_mode', [True, False])
def test_a_bad_clip_is_refused_with_its_list_and_line_or_read(tmp_path, test_mode):
    root = tmp_path / 'corpus'
    write_corpus(root)

    def readings():
        dataset = build(root, test_mode=test_mode)
        for index, name in enumerate(CASES):
            yield name, lambda index=index: outcome(dataset, index)

    found = read_in_fork(tmp_path, readings)
    assert list(found) == list(CASES)
    for line, (name, item) in enumerate(found.items(), 1):
        if 'said' in item:
            assert CASES[name].outcome != READ, (name, item)
            assert item['said'].startswith(f'{root}/clips/{line}/clip'), (name, item)
            reason = item['said'].split(f' (listed in {root}/list.txt:{line}): ')[1]
            assert len(reason) > 10, (name, item)
        else:
            assert CASES[name].outcome != REFUSED, (name, item)
            assert item['shape'] == [SAMPLED, 3, 16, 16], (name, item)
            assert item['distinct'] >= CASES[name].distinct, (name, item)


@pytest.fixture
def corpus(tmp_path):
    """Two clips: a video and a folder."""
    root = tmp_path / 'corpus'
    for name in ('a', 'b'):
        (root / 'clips' / name).mkdir(parents=True)
    (root / 'clips/a/clip.mp4').write_bytes(FAST)
    frames()(root / 'clips/b')
    (root / 'list.txt').write_text('a/clip 24 1\nb/clip 8 2\n')
    return root


ODD_FILES = {
    'nothing': lambda path: None,
    'a pipe': os.mkfifo,
    'a link to itself': lambda path: path.symlink_to(path.name),
    'a link to nothing': lambda path: path.symlink_to('gone.mp4'),
    'a link to a device': lambda path: path.symlink_to('/dev/zero'),
}


@pytest.mark.parametrize('kind', ODD_FILES)
def test_a_clip_that_is_no_file_is_named_when_the_run_is_built(corpus, kind):
    (corpus / 'clips/a/clip.mp4').unlink()
    ODD_FILES[kind](corpus / 'clips/a/clip.mp4')
    with pytest.raises(FileNotFoundError, match=r'list\.txt:1\)'):
        build(corpus)


@pytest.mark.parametrize('decoder', ['Clip', 'OpenCV'])
@pytest.mark.parametrize('kind', ['nothing', 'a pipe'])
def test_a_video_that_goes_after_the_start_is_named(corpus, decoder, kind):
    clips = build(corpus, decoder=decoder)
    assert clips[0]['inputs'].shape == (SAMPLED, 3, 16, 16)
    (corpus / 'clips/a/clip.mp4').unlink()
    ODD_FILES[kind](corpus / 'clips/a/clip.mp4')
    with pytest.raises(ClipReadError, match=r'clip\.mp4 \(listed in .*list\.txt:1\): '):
        clips[0]


def test_a_mistake_in_a_pipeline_is_not_blamed_on_the_clip(corpus):
    def broken(results):
        raise KeyError('mistake')

    dataset = build(corpus)
    dataset.pipeline.transforms.append(broken)
    with pytest.raises(KeyError, match='mistake'):
        dataset[0]
