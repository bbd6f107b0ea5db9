"""Checkpoint files: written whole or not at all, and looked through before anything relies on them.

Nothing here executes what a file holds.
"""

from __future__ import annotations

import errno
import os
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .zip_check import is_zip, verify_zip_checksums

# What a file is called until all of it is on the disk.
PART = '.part'
POINTER = 'last_checkpoint'
PREEMPTED = 'preempted.pth'
# No room: on the disk, in the quota (which not every system has), or for a file of that size.
_FULL = {errno.ENOSPC, getattr(errno, 'EDQUOT', errno.ENOSPC), errno.EFBIG}


def publish(part: Path, path: Path) -> None:
    """Give a finished file, or folder, its name: readers see the old content or all of the new.

    Args:
        part: what was written, in the same folder.
        path: its name from now on; a file of that name is replaced.
    """
    if part.is_dir():
        if path.exists():
            shutil.rmtree(path)
    else:
        with part.open('r+b') as stream:
            os.fsync(stream.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def write_whole(path: Path, text: str) -> None:
    """Write a short text so that readers see the old one or all of the new one."""
    part = path.with_name(path.name + PART)
    part.write_text(text, encoding='utf-8')
    publish(part, path)


def _sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system can."""
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def no_room(path: Path, needed: int, error: OSError) -> str:
    """What to say when a file cannot be written.

    Args:
        path: the file, which keeps its old content.
        needed: bytes of its tensors.
        error: what the system said.
    """
    said = f'{path} could not be written ({error.strerror or error})'
    before = 'the checkpoints before it are as they were'
    if error.errno not in _FULL:
        return f'{said}; {before}. See to its folder, and go on with --resume'
    try:
        free = f'{shutil.disk_usage(path.parent).free} are'
    except OSError:
        free = 'nobody knows how many are'
    return (
        f'{said}: it needs {needed} bytes, and {free} free in {path.parent}; {before}. Make room '
        '(a quota or a limit of file sizes counts as well), and go on with --resume'
    )


def require_form(path: str | Path) -> bool:
    """See that a local file is there, and begins and ends as PyTorch's do; takes no time.

    Returns:
        Whether it is a bare pickle, as of PyTorch before 1.6.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is none of PyTorch, or its end is missing.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'no checkpoint at {path} (seen from {Path.cwd()})')
    with file.open('rb') as stream:
        is_pickle = stream.read(1) == b'\x80'
    if not (is_pickle or is_zip(file)):
        raise ValueError(
            f'{path} ({file.stat().st_size} bytes) is no PyTorch checkpoint, or its end is '
            'missing: copy or train it again'
        )
    return is_pickle


def read_checkpoint(path: str | Path) -> Any:
    """Look all of a local file through, and read it without executing anything.

    Tensors stay on the disk until they are asked for.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is none, is cut, was changed after it was written, or asks for code.
    """
    is_pickle = require_form(path)
    file = Path(path)
    size = file.stat().st_size
    if not is_pickle:
        verify_zip_checksums(file)
    try:
        return torch.load(file, map_location='cpu', weights_only=True, mmap=not is_pickle)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f'{path} is not loaded: it holds more than tensors and plain values, and reading the '
            f'rest could run code ({_first_line(error)}). If you trust where it comes from, store '
            'its weights alone with tools/convert_checkpoint.py or your own program'
        ) from error
    except Exception as error:
        raise ValueError(
            f'{path} ({size} bytes) cannot be read as a PyTorch checkpoint '
            f'({_first_line(error)}): copy or train it again'
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def require_weights(content: Any, path: str | Path) -> None:
    """See that a file's content is a state dict, or a dict that holds one.

    Raises:
        ValueError: saying what it is instead.
    """
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{path} holds a {type(content).__name__}: expected a dict with 'state_dict', as "
            'MMEngine saves it'
        )
    if 'state_dict' not in content and 'ema_state_dict' in content:
        raise ValueError(
            f"{path} holds averaged weights (ema_state_dict) alone: store them as 'state_dict', "
            "their names without 'module.'"
        )


def require_resumable(content: Any, path: str | Path, *, optimizer: bool = True) -> None:
    """See that a file's content is all that a run goes on from.

    Args:
        content: what ``read_checkpoint`` gave.
        path: for the message.
        optimizer: whether the run stores its optimizer's state.

    Raises:
        ValueError: naming what it lacks.
    """
    require_weights(content, path)
    parts = ['meta', 'message_hub', 'state_dict', *(['optimizer'] if optimizer else [])]
    for name in parts:
        if name in content and not isinstance(content[name], Mapping):
            raise ValueError(
                f'{path} holds no run to resume: its {name} is a {type(content[name]).__name__}, '
                'and not a dict; resume another checkpoint'
            )
    lacking = [name for name in parts if name not in content]
    if 'meta' in content:
        meta = content['meta']
        lacking += [f'meta.{name}' for name in ('epoch', 'iter') if type(meta.get(name)) is not int]
    if lacking:
        raise ValueError(
            f'{path} holds no run to resume: it lacks {", ".join(lacking)}. Best and published '
            'checkpoints are weights alone: start from them with load_from'
        )


def has_checkpoints(work_dir: str | Path, folder: str | Path, pattern: str) -> bool:
    """Whether a run has left anything to resume; the arguments are ``find_resumable``'s."""
    return (Path(work_dir) / POINTER).is_file() or any(_written_by_a_run(Path(folder), pattern))


def _written_by_a_run(folder: Path, pattern: str) -> set[Path]:
    found = {*folder.glob(pattern), folder / PREEMPTED}
    return {file for file in found if file.is_file()}


def find_resumable(
    work_dir: str | Path, folder: str | Path, pattern: str, *, optimizer: bool = True
) -> tuple[Path | None, list[str]]:
    """The checkpoint to go on from: the run's last one, or else the furthest whole one.

    Args:
        work_dir: holds the file ``last_checkpoint``.
        folder: holds the checkpoints.
        pattern: their names, as a glob.
        optimizer: whether they hold the optimizer's state.

    Returns:
        The file, None when there is none at all, and why others were passed over.

    Raises:
        ValueError: when there are checkpoints, and none can be resumed.
    """
    problems: list[str] = []
    pointer = Path(work_dir) / POINTER
    if pointer.is_file():
        named = pointer.read_text(encoding='utf-8', errors='replace').strip().replace('\0', '')
        # The run may have been moved with its folder, or be a copy of one that went on.
        places = [Path(folder) / Path(named).name, Path(named)] if Path(named).name else []
        target = next((place for place in places if _is_file(place)), None)
        if target is None:
            problems.append(f'{pointer} names {named[:200]!r}, which is not there')
        elif _resumes(target, problems, optimizer):
            return target, problems
    others = _written_by_a_run(Path(folder), pattern)
    for file in sorted(others, key=_progress, reverse=True):
        seen = any(problem.startswith(str(file)) for problem in problems)
        if not seen and _resumes(file, problems, optimizer):
            return file, problems
    if problems:
        raise ValueError(
            f'no checkpoint in {folder} can be resumed: {"; ".join(problems)}. To begin again, '
            'choose another work_dir, or remove these files'
        )
    return None, problems


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # No path at all, by its length for instance.
        return False


def _resumes(file: Path, problems: list[str], optimizer: bool) -> bool:
    try:
        require_resumable(read_checkpoint(file), file, optimizer=optimizer)
    except (ValueError, OSError) as error:
        problems.append(str(error))
        return False
    return True


def _progress(file: Path) -> int:
    """The iteration that a checkpoint was written after; -1 when it cannot be told."""
    try:
        content = torch.load(file, map_location='cpu', weights_only=True, mmap=True)
        return int(content['meta']['iter'])
    except Exception:
        return -1
