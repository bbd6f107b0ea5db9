"""Which of a run's checkpoints it resumes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .load import get_state_dict, read_checkpoint

# MMEngine's file with the path of the newest checkpoint.
POINTER = 'last_checkpoint'
PREEMPTED = 'preempted.pth'


def checkpoint_location(
    work_dir: str, out_dir: str | None = None, filename_tmpl: str = 'epoch_{}.pth'
) -> tuple[str, str]:
    """The folder of a run's checkpoints, and their names as a glob.

    ``out_dir`` and ``filename_tmpl`` are CheckpointHook's.
    """
    folder = work_dir
    if out_dir not in (None, work_dir):
        # MMEngine saves to the folder there that has work_dir's name.
        folder = f'{str(out_dir).rstrip("/")}/{Path(work_dir).name}'
    return folder, filename_tmpl.format('*')


def find_checkpoints(folder: str | Path, pattern: str) -> list[Path]:
    """All files that a run resumes from, complete or damaged."""
    found = {*Path(folder).glob(pattern), Path(folder) / PREEMPTED}
    return [file for file in found if file.is_file()]


def check_resumable(content: Any, path: str | Path, *, optimizer: bool = True) -> None:
    """Check that what `read_checkpoint` returned is all that a run resumes from.

    Raises:
        ValueError: naming the file and what is missing.
    """
    get_state_dict(content, path)
    needed = ['meta', 'message_hub', *(['optimizer'] if optimizer else [])]
    missing = [name for name in needed if not isinstance(content.get(name), Mapping)]
    if 'meta' not in missing:
        for key in ('epoch', 'iter'):
            count = content['meta'].get(key)
            if type(count) is not int or count < 0:
                missing.append(f'meta.{key} from 0 on (it is {count!r:.50})')
    if missing:
        raise ValueError(
            f'{path} holds no run to resume: it has no {", ".join(missing)}. Best and published '
            'checkpoints hold only weights: start from them with load_from'
        )


def find_resumable(
    work_dir: str | Path, folder: str | Path, pattern: str, *, optimizer: bool = True
) -> tuple[Path | None, list[str]]:
    """The checkpoint to resume: the run's last one or, if that is damaged, the furthest intact one.

    Args:
        work_dir: holds the file ``last_checkpoint``, whose name is looked for in `folder`: the run
            may have been moved.
        folder, pattern: of the checkpoints; their names, as a glob.
        optimizer: whether they hold the optimizer's state.

    Returns:
        The file, or None when there is none at all, and why others were skipped.

    Raises:
        ValueError: when there are checkpoints, and none can be resumed.
    """
    problems = []
    candidates = sorted(find_checkpoints(folder, pattern), key=_iterations, reverse=True)
    pointer = Path(work_dir) / POINTER
    if pointer.is_file():
        last = Path(pointer.read_text(encoding='utf-8', errors='replace').strip()).name
        # The sort is stable.
        candidates.sort(key=lambda file: file.name != last)
        if not candidates or candidates[0].name != last:
            problems.append(f'{pointer} names {last[:200]!r}, which is not in {folder}')
    for file in candidates:
        try:
            check_resumable(read_checkpoint(file), file, optimizer=optimizer)
        except (ValueError, OSError) as error:
            problems.append(str(error))
        else:
            return file, problems
    if problems:
        raise ValueError(
            f'no checkpoint in {folder} can be resumed: {"; ".join(problems)}. To start from the '
            'beginning, choose another work_dir, or remove these files'
        )
    return None, problems


def _iterations(file: Path) -> int:
    """How many iterations a checkpoint was written after; -1 when it cannot be read."""
    try:
        content = torch.load(file, map_location='cpu', weights_only=True, mmap=True)
        return int(content['meta']['iter'])
    except Exception:
        return -1
