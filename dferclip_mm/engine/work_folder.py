"""One training run at a time in a folder of checkpoints: two would mix theirs."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = '.training.lock'


def lock_folders(folders: Iterable[str | Path]) -> ExitStack:
    """Keep other training runs out of folders, by a POSIX lock on a file in each.

    The system gives it back when this process ends, however it ends; a network file system whose
    server died, as soon as it knows. Where the file system has no locks, the log says so.

    They are held until what is returned is closed.

    Raises:
        OSError: when another run holds a folder; it names that run.
    """
    held = ExitStack()
    for folder in folders if fcntl is not None else ():
        _lock(Path(folder), held)
    return held


def _lock(folder: Path, held: ExitStack) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = held.enter_context((folder / LOCK).open('a+', encoding='utf-8'))
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            file.seek(0)
            raise OSError(
                f'{folder} is in use by another training run ({file.read()}): wait until it has '
                'ended, end it, or choose another folder with --work-dir'
            ) from error
        MMLogger.get_current_instance().warning(
            f'{folder} has no file locks ({error.strerror}): another training run in it would not '
            'be noticed'
        )
        return
    file.truncate(0)
    started = time.strftime('%Y-%m-%d %H:%M:%S')
    file.write(f'process {os.getpid()} on {socket.gethostname()}, since {started}')
    file.flush()
