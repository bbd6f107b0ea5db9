"""Room on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path


def require_space(folder: Path, needed: int, advice: str = 'choose another folder') -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        folder: where it goes; it need not exist yet.
        needed: bytes.
        advice: what to do about it.

    Raises:
        OSError: naming what is needed and what is free.
    """
    here = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(here).free
    if needed > free:
        raise OSError(
            f'{folder}: about {readable(needed)} are needed and {readable(free)} are free: {advice}'
        )


def readable(count: int) -> str:
    """A number of bytes in GiB, or in MiB where it is less than one GiB."""
    unit, name = (2**30, 'GiB') if count >= 2**30 else (2**20, 'MiB')
    return f'{count / unit:.1f} {name}'
