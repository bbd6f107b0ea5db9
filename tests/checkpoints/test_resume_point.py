"""Which checkpoint a run resumes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from dferclip_mm.checkpoints.resume_point import checkpoint_location, find_resumable


def save(path: Path, iterations: int, **changes: Any) -> Path:
    meta = dict(epoch=1, iter=iterations)
    content = dict(meta=meta, message_hub={}, state_dict={}, optimizer={})
    torch.save({**content, **changes}, path)
    return path


def point_to(folder: Path, text: str) -> None:
    (folder / 'last_checkpoint').write_text(text)


def find(folder: Path) -> tuple[Path | None, list[str]]:
    return find_resumable(folder, folder, 'epoch_*.pth')


def test_the_last_checkpoint_is_resumed_by_its_name(tmp_path: Path) -> None:
    """Not the furthest, which is of an earlier run; and the folder may have been moved."""
    assert find(tmp_path) == (None, [])
    last, _ = save(tmp_path / 'epoch_1.pth', 5), save(tmp_path / 'epoch_9.pth', 45)
    point_to(tmp_path, '/elsewhere/epoch_1.pth')
    assert find(tmp_path) == (last, [])


@pytest.mark.parametrize('text', ['x' * 5000, 'a/\0/b', '', '..', 'epoch_7.pth'])
def test_a_pointer_to_nothing_is_skipped(text: str, tmp_path: Path) -> None:
    """The furthest is resumed, by its iterations and not by its name."""
    preempted = save(tmp_path / 'preempted.pth', 12)
    save(tmp_path / 'epoch_2.pth', 10)
    point_to(tmp_path, text)
    found, skipped = find(tmp_path)
    assert found == preempted
    assert len(skipped) == 1
    assert len(skipped[0]) < 500


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(meta=[1]), 'it has no meta'),
        (dict(optimizer=None), 'it has no optimizer'),
        (dict(meta=dict(epoch=1, iter='5')), 'it has no meta.iter'),
        (dict(meta=dict(epoch=1, iter=-5)), 'no meta.iter from 0 on (it is -5)'),
        (dict(state_dict='text'), 'holds a str: expected a dict'),
    ],
)
def test_an_incomplete_checkpoint_is_skipped(changes: dict, said: str, tmp_path: Path) -> None:
    older = save(tmp_path / 'epoch_1.pth', 5)
    newer = save(tmp_path / 'epoch_2.pth', 10, **changes)
    point_to(tmp_path, str(newer))
    found, skipped = find(tmp_path)
    assert found == older
    assert len(skipped) == 1
    assert f'{newer} holds' in skipped[0]
    assert said in skipped[0]
    older.unlink()
    with pytest.raises(ValueError, match=r'no checkpoint in .* can be resumed: .*epoch_2'):
        find(tmp_path)


def test_checkpoints_lie_where_mmengine_saves_them() -> None:
    assert checkpoint_location('runs/a') == ('runs/a', 'epoch_*.pth')
    assert checkpoint_location('runs/a', 's3://b/', 'x_{}.pt') == ('s3://b/a', 'x_*.pt')
