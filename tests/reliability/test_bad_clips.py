"""Each bad file and folder is refused or read, in a process that may crash, hang or eat memory."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest
from bad_clips import CASES, FAST, READ, REFUSED
from clip_files import PACK, read_steps
from processes import in_fork

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError

SECONDS, MEMORY = 120, 4 << 30


def build(root: Path, test_mode: bool = True) -> DFEWDataset:
    """The clips of ``root/list.txt``; one that cannot be read raises."""
    resize = dict(type='Resize', scale=(16, 16), keep_ratio=False)
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
        test_mode=test_mode,
        unreadable='raise',
        pipeline=read_steps(8, resize, *PACK, test_mode=test_mode),
    )


@pytest.mark.promise('Clips', 'A bad clip is refused with its list and line, or read')
@pytest.mark.parametrize('test_mode', [True, False])
def test_a_bad_clip_is_refused_with_its_list_and_line_or_read(
    test_mode: bool, tmp_path: Path
) -> None:
    root, told, lines = tmp_path / 'corpus', tmp_path / 'told.txt', []
    for number, case in enumerate(CASES.values(), 1):
        folder = root / f'clips/{number}'
        folder.mkdir(parents=True)
        case.write(folder)
        lines.append(f'{number}/{next(folder.iterdir()).name} 8 {number % 7}')
    (root / 'list.txt').write_text('\n'.join(lines))

    def child() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        # What the tests' own process holds already is not the reading's.
        held = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        dataset = build(root, test_mode)
        with told.open('w') as file:
            for index in range(len(CASES)):
                signal.alarm(SECONDS)
                try:
                    clip = dataset[index]['inputs']
                    found = [list(clip.shape), len(clip.unique(dim=0))]
                except ClipReadError as error:
                    found = str(error)
                print(json.dumps(found), file=file, flush=True)

    code = in_fork(child, tmp_path / 'log.txt')
    found = [json.loads(line) for line in told.read_text().splitlines()]
    # A crash or a hang.
    assert code == 0, f'{list(CASES)[len(found)]}: {(tmp_path / "log.txt").read_text()[-2000:]}'
    for line, (name, case, said) in enumerate(zip(CASES, CASES.values(), found, strict=True), 1):
        if isinstance(said, str):
            assert case.outcome != READ, (name, said)
            assert said.startswith(f'{root}/clips/{line}/clip'), (name, said)
            reason = said.split(f' (listed in {root}/list.txt:{line}): ')[1]
            assert len(reason) > 10, (name, said)
        else:
            assert case.outcome != REFUSED, (name, said)
            shape, distinct = said
            assert shape == [8, 3, 16, 16], (name, said)
            assert distinct >= case.distinct, (name, said)


ODD_FILES = {
    'nothing': lambda path: None,
    'a pipe': os.mkfifo,
    'a link to itself': lambda path: path.symlink_to(path.name),
    'a link to nothing': lambda path: path.symlink_to('gone.mp4'),
    'a link to a device': lambda path: path.symlink_to('/dev/zero'),
}


@pytest.mark.parametrize('kind', ODD_FILES)
def test_a_clip_that_is_no_file_is_named_when_the_run_is_built_and_later(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / 'clips/clip.mp4'
    path.parent.mkdir()
    path.write_bytes(FAST)
    (tmp_path / 'list.txt').write_text('clip 24 1\n')
    clips = build(tmp_path)
    path.unlink()
    ODD_FILES[kind](path)
    with pytest.raises(FileNotFoundError, match=r'list\.txt:1\)'):
        build(tmp_path)
    with pytest.raises(ClipReadError, match=r'clip\.mp4 \(listed in .*list\.txt:1\): '):
        clips[0]
