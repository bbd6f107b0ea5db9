"""Checkpoints as data: every read is ``weights_only``, and checksums are verified first."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.runner import CheckpointLoader

from .compare import shorten

_ZIP_START = b'PK\x03\x04'
# A pickle, as PyTorch wrote before 1.6.
_LEGACY_START = b'\x80'
_ALWAYS, _NEVER = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'


@contextmanager
def weights_only_load() -> Iterator[None]:
    """Make each ``torch.load`` weights-only, whatever its caller asks for.

    MMEngine loads URLs through ``torch.hub``, which asks for full unpickling.
    """
    before = {name: os.environ.pop(name, None) for name in (_ALWAYS, _NEVER)}
    os.environ[_ALWAYS] = '1'
    try:
        yield
    finally:
        del os.environ[_ALWAYS]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def is_remote(path: str | Path) -> bool:
    """Whether a checkpoint is a URL or another address that MMEngine resolves."""
    return '://' in str(path)


def check_format(path: str | Path) -> None:
    """Check that a local file exists and starts and ends as PyTorch's do; reads nothing else.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no PyTorch file, or its end is missing.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'no checkpoint at {path} (seen from {Path.cwd()})')
    if not (_starts_with(file, _LEGACY_START) or is_zip(file)):
        raise ValueError(
            f'{path} ({file.stat().st_size} bytes) is no PyTorch checkpoint, or its end is '
            'missing: copy or train it again'
        )


def _starts_with(path: str | Path, start: bytes) -> bool:
    with Path(path).open('rb') as stream:
        return stream.read(len(start)) == start


def is_zip(path: str | Path) -> bool:
    """Whether a file ends as a zip archive does; one whose end is damaged does not."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # Raised for some damage to the zip64 end that PyTorch writes.
        return False


def is_torchscript(path: str | Path) -> bool:
    """Whether a file is a TorchScript archive."""
    if not is_zip(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())


def verify_zip_checksums(path: str | Path) -> None:
    """Compare each record of a zip archive with its checksum, which PyTorch writes but never reads.

    Other files (a legacy pickle, safetensors) have no checksums and pass.

    Raises:
        ValueError: when the archive was changed or cut after it was written.
    """
    if not _starts_with(path, _ZIP_START):
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


def read_checkpoint(path: str | Path) -> Any:
    """Verify all of a local file and read it without executing anything.

    Tensors are memory-mapped: they stay on the disk until they are used.

    Raises:
        FileNotFoundError, ValueError: as `check_format` does; the latter also when the file was
            changed after it was written, or needs code to be read.
    """
    check_format(path)
    file = Path(path).expanduser()
    verify_zip_checksums(file)
    if is_torchscript(file):
        raise ValueError(
            f'{path} is a TorchScript program, like the files of CLIP that OpenAI distributes: '
            'name those as `pretrained` of the CLIP towers; of others save the state_dict()'
        )
    try:
        mmap = not _starts_with(file, _LEGACY_START)
        return torch.load(file, map_location='cpu', weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise _runs_code(path, error) from error
    except Exception as error:  # PyTorch raises many types for damaged files
        raise ValueError(
            f'{path} ({file.stat().st_size} bytes) cannot be read as a PyTorch checkpoint '
            f'({error!r:.200}): copy or train it again'
        ) from error


def read_weights(source: str) -> dict[str, torch.Tensor]:
    """The state dict in a local file or at a URL; all processes call it together.

    Raises what `read_checkpoint` and `get_state_dict` do.
    """
    if not is_remote(source):
        return get_state_dict(read_checkpoint(source), source)
    try:
        with weights_only_load():
            content = CheckpointLoader.load_checkpoint(source, map_location='cpu')
    except pickle.UnpicklingError as error:
        raise _runs_code(source, error) from error
    return get_state_dict(content, source)


def _runs_code(source: str | Path, error: Exception) -> ValueError:
    asked = re.search(r'GLOBAL (\S+)|asks for (attribute .+?), which', str(error))
    named = f' ({asked[1] or asked[2]})' if asked else ''
    return ValueError(
        f'{source} is not loaded: it holds more than tensors and plain values{named}, and loading '
        'the rest could run code. If you trust its source, save its state_dict to a new file, and '
        'give that'
    )


def get_state_dict(content: Any, source: str | Path) -> dict[str, torch.Tensor]:
    """The tensors by name in a checkpoint's content: a state dict, or one under ``'state_dict'``.

    Raises:
        ValueError: naming the `source`, when it is neither.
    """
    stored = content.get('state_dict', content) if isinstance(content, Mapping) else content
    if not isinstance(stored, Mapping):
        raise ValueError(
            f'{source} holds a {type(stored).__name__}: expected a dict with '
            "'state_dict', as MMEngine saves it"
        )
    if stored is content and 'ema_state_dict' in content:
        raise ValueError(
            f"{source} holds only averaged weights (ema_state_dict): store them as 'state_dict', "
            "their names without 'module.'"
        )
    other = [str(name) for name, value in stored.items() if not isinstance(value, torch.Tensor)]
    if other:
        raise ValueError(f'{source} holds no state dict: {shorten(other)} is no tensor')
    # MMEngine strips this prefix of DistributedDataParallel as well.
    return {str(name).removeprefix('module.'): value for name, value in stored.items()}
