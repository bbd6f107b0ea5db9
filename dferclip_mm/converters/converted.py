"""A converted checkpoint, and the files written for it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config


@dataclass(frozen=True)
class Converted:
    """A checkpoint in our names, and what belongs to it.

    Attributes:
        kind: ``'DFER-CLIP'``, ``'EmoCLIP'`` or ``'Exp-CLIP'``.
        state_dict: all of our tensors, the text tower included.
        meta: plain values that the way back needs.
        model: overrides of a config's ``model``, without the prompts.
        prompts: the sentence of each class; None where the file holds none.
    """

    kind: str
    state_dict: dict[str, torch.Tensor]
    meta: dict[str, Any]
    model: dict[str, Any]
    prompts: dict[str, str] | None = None


def serialize(content: Any) -> bytes:
    """What ``torch.save`` writes; equal contents give equal bytes."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def output_files(converted: Converted, path: Path, config: Path) -> dict[Path, bytes]:
    """All files of a conversion: the checkpoint, its config (``.py``) and its ``.prompts.json``.

    The config derives from the experiment's, `config`, and finds the prompts beside itself, so that
    ``test.py PATH.py PATH.pth`` evaluates the checkpoint.

    Raises:
        ValueError: when there is no such config, or a name is used twice.
    """
    if not config.is_file():
        raise ValueError(f'no config at {config} (seen from {Path.cwd()}): name one')
    text = path.with_suffix('.py')
    if text in (path, config.resolve()):
        raise ValueError(
            f'{path} leaves no name for its config, which would be {text}: take a name that ends '
            'in .pth, in another folder than the config'
        )
    files = {path: serialize({'meta': converted.meta, 'state_dict': converted.state_dict})}
    model = converted.model
    if converted.prompts is not None:
        prompts = path.with_suffix('.prompts.json')
        table = json.dumps(converted.prompts, indent=2, ensure_ascii=False) + '\n'
        files[prompts] = table.encode()
        # MMEngine fills in the folder when it reads the config, so the files can be moved together.
        found = '{{ fileDirname }}/' + prompts.name
        model = {**model, 'cls_head': {**model['cls_head'], 'prompts': found}}
    base = {'_base_': [str(config.resolve())], 'model': _replacing(model)}
    head = f'# The {converted.kind} model of {path.name}, converted from a published checkpoint.\n'
    files[text] = (head + Config(base).pretty_text).encode()
    return files


def _replacing(model: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides in which dimensions replace an architecture, in MMEngine's syntax."""
    changed: dict[str, Any] = {}
    for key, value in model.items():
        changed[key] = _replacing(value) if isinstance(value, Mapping) else value
        if key == 'arch' and isinstance(value, Mapping):
            changed[key] = {'_delete_': True, **value}
    return changed
