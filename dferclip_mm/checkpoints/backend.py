"""How a run's checkpoints are written and removed: MMEngine's CheckpointHook asks this backend."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from ..files import atomic_write

BACKEND = 'atomic_checkpoints'


class CheckpointBackend(LocalBackend):
    """Writes atomically, and removes only when :meth:`remove_outdated` is called.

    Paths to remove are taken by name, in one folder and only if the name is a checkpoint's: the
    paths that a checkpoint stores may be of another machine, or be forged.

    Args:
        folder, names: of the checkpoints; their names, as a regular expression.
    """

    def __init__(self, folder: str, names: str) -> None:
        self.folder, self.names = Path(folder), re.compile(names)
        self.outdated: list[str] = []

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file atomically; on an OSError an older file of that name is unchanged."""
        try:
            atomic_write(filepath, obj)
        except OSError as error:
            raise OSError(
                f'{error}. Earlier checkpoints are unchanged: resume from them with --resume'
            ) from error

    def isfile(self, filepath: str | Path) -> bool:
        """Whether the folder has a file of that name."""
        return super().isfile(self.folder / Path(filepath).name)

    def remove(self, filepath: str | Path) -> None:
        """Note a file for removal."""
        self.outdated.append(Path(filepath).name)

    def rmtree(self, dir_path: str | Path) -> None:
        """Note a folder for removal; sharded checkpoints are folders."""
        self.remove(dir_path)

    def remove_outdated(self, keep: Collection[str]) -> list[str]:
        """Remove what was noted, except the names in `keep`.

        The names that could not be removed are returned, and stay noted.
        """
        failed = []
        for name in dict.fromkeys(self.outdated):
            if name in keep or not self.names.fullmatch(name):
                continue
            path = self.folder / name
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError:
                failed.append(name)
        self.outdated = failed
        return failed


register_backend(BACKEND, CheckpointBackend, force=True)
