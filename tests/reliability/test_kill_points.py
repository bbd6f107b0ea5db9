"""SIGKILL at any step of writing checkpoints: the run resumes, and all its files end equal."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import differences
from killing import Steps, config, train
from lengths import LONG
from processes import in_fork

from dferclip_mm.checkpoints.resume_point import find_resumable

# How many checkpoints are kept, and a seed: which epochs are best differs.
RUNS = [(1, 0), (3, 2), (-1, 0)] if LONG else [(1, 0)]


def _run(
    folder: Path, keep: int, seed: int, *, last: int | None = None, resume: bool = False
) -> tuple[int, list[str]]:
    """A run in a fork; its exit code, and the steps it made."""
    work_dir, names = folder / 'run', folder / 'steps.txt'

    def child() -> None:
        steps = Steps(work_dir, last)
        steps.install()
        train(config(work_dir, keep=keep, randomness__seed=seed), resume=resume)
        names.write_text('\n'.join(steps.names))

    folder.mkdir(exist_ok=True)
    code = in_fork(child, folder / 'log.txt')
    return code, names.read_text().split('\n') if code == 0 else []


@pytest.mark.promise(
    'Checkpoints', 'A run killed at any write, rename or removal resumes and ends bitwise equal'
)
@pytest.mark.parametrize(('keep', 'seed'), RUNS)
def test_a_run_killed_at_any_point_ends_the_same(keep: int, seed: int, tmp_path: Path) -> None:
    straight = tmp_path / 'straight'
    code, names = _run(straight, keep, seed)
    assert code == 0, (straight / 'log.txt').read_text()[-3000:]
    assert len(names) >= 40
    expected = sorted(path.name for path in (straight / 'run').glob('*.pth*'))
    assert len(expected) == (2 if keep == 1 else 4)
    first = names.index('after replace epoch_1.pth.tmp') + 1
    points = range(1, len(names) + 1)
    if not LONG:
        # The first complete checkpoint, one half overwritten, and the end: what MMEngine loses.
        half = len(names) - names[::-1].index('half of epoch_2.pth.tmp')
        points = [first, half, len(names)]
    for point in points:
        folder = tmp_path / str(point)
        where = f'point {point}, {names[point - 1]}'
        assert _run(folder, keep, seed, last=point)[0] == -9, where
        found, _ = find_resumable(folder / 'run', folder / 'run', 'epoch_*.pth')
        assert (found is not None) == (point >= first), where
        code, _ = _run(folder, keep, seed, resume=True)
        log = (folder / 'log.txt').read_text()
        assert code == 0, f'{where}: {log[-3000:]}'
        assert sorted(path.name for path in (folder / 'run').glob('*.pth*')) == expected, where
        for name in expected:
            differ = differences(straight / 'run' / name, folder / 'run' / name)
            assert not differ, f'{where}, {name}: {differ}'
        pointer = (folder / 'run/last_checkpoint').read_text()
        assert pointer == str(folder / 'run/epoch_3.pth'), where
