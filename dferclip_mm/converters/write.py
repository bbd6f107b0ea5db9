"""Write files completely or not at all."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from .convert import Converted
from .errors import ConversionError


def serialise(content: Any) -> bytes:
    """What ``torch.save`` writes; equal contents give equal bytes."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files, under temporary names until the last is on the disk: none is ever half there.

    Raises:
        ConversionError: when a folder or file cannot be written.
    """
    written = []
    try:
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f'{path.name}.{os.getpid()}.part')
            written.append((part, path))
            part.write_bytes(data)
        for part, path in written:
            part.replace(path)
    except OSError as error:
        raise ConversionError(f'cannot write {error.filename}: {error.strerror}') from error
    finally:
        for part, _ in written:
            part.unlink(missing_ok=True)


def companions(converted: Converted, path: Path, config: Path) -> dict[Path, bytes]:
    """All files of a conversion: the checkpoint, its config and its prompts.

    The config derives from the given one and finds the prompts beside itself, so that
    ``test.py PATH.py PATH.pth`` is all that is left to do.

    Args:
        converted: what ``convert`` returned.
        path: where the checkpoint goes; the others take its name and ``.py``, ``.prompts.json``.
        config: the experiment's config.

    Raises:
        ConversionError: when there is no such config, or a name is in use for another file.
    """
    if not config.is_file():
        raise ConversionError(f'no config at {config} (seen from {Path.cwd()}): name one')
    text = path.with_suffix('.py')
    if text in (path, config.resolve()):
        raise ConversionError(
            f'{path} leaves no name for its config, which would be {text}: take a name that ends '
            'in .pth, in another folder than the config'
        )
    files = {}
    model = converted.model
    if converted.prompts is not None:
        prompts = path.with_suffix('.prompts.json')
        table = json.dumps(converted.prompts, indent=2, ensure_ascii=False) + '\n'
        files[prompts] = table.encode()
        # The folder is filled in when the config is read, so the files can be moved together.
        found = '{{ fileDirname }}/' + prompts.name
        model = {**model, 'cls_head': {**model['cls_head'], 'prompts': found}}
    base = {'_base_': [str(config.resolve())], 'model': _replacing(model)}
    settings = Config(base).pretty_text
    head = f'# The {converted.kind} model of {path.name}, converted from a published checkpoint.\n'
    files[text] = (head + settings).encode()
    files[path] = serialise({'meta': converted.meta, 'state_dict': converted.state_dict})
    return files


def _replacing(model: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides in which dimensions replace an architecture's name, as MMEngine wants it said."""
    changed = {}
    for key, value in model.items():
        changed[key] = _replacing(value) if isinstance(value, Mapping) else value
        if key == 'arch' and isinstance(value, Mapping):
            changed[key] = {'_delete_': True, **value}
    return changed
