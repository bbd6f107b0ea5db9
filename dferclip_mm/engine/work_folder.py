"""One training run at a time in a work folder: two would mix their checkpoints."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mmengine import dist
from mmengine.logging import print_log

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = '.training.lock'


@contextmanager
def held(folder: str | Path) -> Iterator[None]:
    """Keep other training runs out of a folder; all processes of a run call it together.

    The main process holds a POSIX lock on a file in the folder. The system gives it back when that
    process ends, however it ends; a network file system whose server died, as soon as it knows.
    Where the file system has no locks, the log says so.

    Args:
        folder: exists.

    Raises:
        OSError: in each process, when another run holds the folder; it names that run.
    """
    with ExitStack() as stack:
        problem: list[OSError | None] = [None]
        if dist.is_main_process() and fcntl is not None:
            try:
                stack.enter_context(_locked(Path(folder) / LOCK))
            except OSError as error:
                problem[0] = OSError(str(error))
        dist.broadcast_object_list(problem)
        if problem[0] is not None:
            raise problem[0]
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open('a+', encoding='utf-8') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                file.seek(0)
                raise OSError(
                    f'{path.parent} is in use by another training run ({file.read()}): wait until '
                    'it has ended, end it, or choose another folder with --work-dir'
                ) from error
            print_log(
                f'{path.parent} has no file locks ({error.strerror}): another training run in it '
                'would not be noticed',
                'current',
                logging.WARNING,
            )
        else:
            file.truncate(0)
            started = time.strftime('%Y-%m-%d %H:%M:%S')
            file.write(f'process {os.getpid()} on {socket.gethostname()}, since {started}')
            file.flush()
        yield
