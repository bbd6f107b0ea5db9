"""Files that are complete or absent: atomic writes, and free space on the disk."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

# The suffix of a file until all of it is on the disk.
TEMPORARY = '.tmp'
# No room: on the disk, in the quota (which not every system has), or for a file of that size.
_FULL = {errno.ENOSPC, getattr(errno, 'EDQUOT', errno.ENOSPC), errno.EFBIG}


def atomic_write(
    path: str | Path, data: bytes | str | Callable[[Path], Any], suffix: str = TEMPORARY
) -> None:
    """Write a file so that readers, and a killed program, find its old content or all of the new.

    The data are written to a file beside it whose name ends in ``.tmp``, synced to the disk and
    renamed. When that fails, the temporary file is removed.

    Args:
        path: the file; its folder is created.
        data: the content (text as UTF-8), or a function that writes it to the path it is given.
        suffix: of the temporary file; of its own where several processes may write the file.

    Raises:
        OSError: when it cannot be written; of a full disk it says what is needed and what is free.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + suffix)
    content = data.encode() if isinstance(data, str) else data
    try:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(content)
        with temporary.open('r+b') as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno is None:
            raise
        needed = len(content) if isinstance(content, bytes) else None
        raise OSError(_cannot_write(path, needed, error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: dict[str, Any]) -> None:
    """Write a JSON file atomically."""
    atomic_write(path, json.dumps(content, indent=1) + '\n')


def _sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system can."""
    if os.name != 'posix':
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _cannot_write(path: Path, needed: int | None, error: OSError) -> str:
    message = f'{path} cannot be written ({error.strerror})'
    if error.errno not in _FULL:
        return message
    size = '' if needed is None else f'it needs {needed} bytes, and '
    free = shutil.disk_usage(path.parent).free
    return (
        f'{message}: {size}{free} bytes are free in {path.parent}; make room (a quota or a limit '
        'of file sizes counts as well)'
    )


def check_free_space(folder: Path, needed: int, advice: str = 'choose another folder') -> None:
    """Check that a folder's disk has room, before anything is written.

    Args:
        folder: where the files go; it need not exist yet.
        needed: bytes.
        advice: what to do about it.

    Raises:
        OSError: naming what is needed and what is free.
    """
    here = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(here).free
    if needed > free:
        raise OSError(
            f'{folder}: expected about {format_bytes(needed)} of free space, found '
            f'{format_bytes(free)}: {advice}'
        )


def format_bytes(count: int) -> str:
    """A number of bytes in GiB, or in MiB where it is less than one GiB."""
    unit, name = (2**30, 'GiB') if count >= 2**30 else (2**20, 'MiB')
    return f'{count / unit:.1f} {name}'
