"""How a checkpoint hook of the host writes whole files, and removes old ones last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine import dist

from ..checkpoints.resume_point import PART, no_room, publish


class Later:
    """The host's file backend, but what it is told to remove waits."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.waiting: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file; folders come by another name."""
        self.waiting.append(str(path))

    rmtree = remove

    def finish(self) -> list[str]:
        """Remove what waits; what cannot be removed waits on. What to say of that."""
        left, said = [], []
        for path in self.waiting:
            try:
                if self._backend.isdir(path):
                    self._backend.rmtree(path)
                elif self._backend.isfile(path):
                    self._backend.remove(path)
            except OSError as error:
                left.append(path)
                said.append(still_there(path, error))
        self.waiting = left
        return said


def still_there(path: str | Path, error: OSError) -> str:
    """What to say of a file that should be gone."""
    return (
        f'{path}, which is outdated, could not be removed ({error.strerror or error}): tried again '
        'after the next checkpoint, and when the run resumes'
    )


class WritesWhole:
    """A runner whose checkpoints get their names when they are on the disk.

    Args:
        runner: the host's.
        hook: the AtomicCheckpointHook that asks it to save.
    """

    def __init__(self, runner: Any, hook: Any) -> None:
        self._runner, self._hook = runner, hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **settings: Any) -> None:
        """As the runner's own.

        Raises:
            OSError: when it cannot be written; the old file of that name is as it was.
        """
        if '://' in str(out_dir):
            self._runner.save_checkpoint(out_dir, filename, *args, **settings)
            return
        path = Path(out_dir) / filename
        part = path.with_name(path.name + PART)
        self._hook.place = dict(settings.get('meta') or {})
        try:
            self._runner.save_checkpoint(str(out_dir), part.name, *args, **settings)
            if dist.is_main_process() and part.exists():
                publish(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OSError(no_room(path, self._hook.size, error)) from error
        finally:
            self._hook.place = {}
        self._hook.keep(str(path))
