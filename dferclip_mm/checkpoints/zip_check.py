"""Zip archives as PyTorch writes them: whether they are still what was written."""

from __future__ import annotations

import zipfile
from pathlib import Path

_START = b'PK\x03\x04'


def is_zip(path: str | Path) -> bool:
    """Whether a file ends as a zip archive does; one whose end is damaged does not."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # Said of some damage to the longer end that PyTorch writes.
        return False


def verify_zip_checksums(path: str | Path) -> None:
    """Compare each record of a zip archive with its checksum, which PyTorch writes and never reads.

    A file that PyTorch would not take for an archive (a bare pickle, safetensors) has no checksums
    and passes.

    Raises:
        ValueError: when it was changed or cut after it was written.
    """
    with Path(path).open('rb') as stream:
        if stream.read(len(_START)) != _START:
            return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # damaged archives raise whatever zipfile meets
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(
            f'{path} ({Path(path).stat().st_size} bytes) cannot be read: it was changed or cut '
            f'after it was written ({reason}); copy, download or train it again'
        ) from error
    if broken is not None:
        raise ValueError(
            f'{path} was changed after it was written: the checksum of its record {broken} does '
            'not fit; copy, download or train it again'
        )
