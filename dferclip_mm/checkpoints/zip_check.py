"""Checksums of the zip archives that PyTorch writes."""

from __future__ import annotations

import zipfile
from pathlib import Path

_START = b'PK\x03\x04'


def is_zip(path: str | Path) -> bool:
    """Whether a file ends as a zip archive does; one whose end is damaged does not."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # Raised for some damage to the zip64 end that PyTorch writes.
        return False


def verify_zip_checksums(path: str | Path) -> None:
    """Compare each record of a zip archive with its checksum, which PyTorch writes but never reads.

    Other files (a legacy pickle, safetensors) have no checksums and pass.

    Raises:
        ValueError: when the archive was changed or cut after it was written.
    """
    with Path(path).open('rb') as stream:
        if stream.read(len(_START)) != _START:
            return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except Exception as error:  # zipfile raises many types for damaged archives
        raise ValueError(
            f'{path} ({Path(path).stat().st_size} bytes) cannot be read: it was changed or cut '
            f'after it was written ({error!r:.200}); copy, download or train it again'
        ) from error
    if broken is not None:
        raise ValueError(
            f'{path} was changed after it was written: the checksum of its record {broken} does '
            'not match; copy, download or train it again'
        )
