"""Weights from anywhere, as data: local files looked all through, and those at an address too."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.runner import CheckpointLoader

from .resume_point import read_checkpoint, require_weights

_SHOWN = 4
_ALWAYS, _NEVER = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD', 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'


@contextmanager
def data_alone() -> Iterator[None]:
    """Have PyTorch execute nothing that a file asks for, whatever its caller says.

    What the host reads from an address goes through ``torch.hub``, which asks for all of it.
    """
    before = {name: os.environ.pop(name, None) for name in (_ALWAYS, _NEVER)}
    os.environ[_ALWAYS] = '1'
    try:
        yield
    finally:
        del os.environ[_ALWAYS]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def read_weights(source: str) -> dict[str, torch.Tensor]:
    """The state dict in a file, or at an address that the host can read; all processes together.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is no checkpoint, is cut, was changed after it was written, asks for
            code, or holds something else than tensors by name.
    """
    if '://' not in source:
        content = read_checkpoint(source)
    else:
        try:
            with data_alone():
                content = CheckpointLoader.load_checkpoint(source, map_location='cpu')
        except pickle.UnpicklingError as error:
            raise ValueError(
                f'{source} is not loaded: it holds more than tensors and plain values, and '
                'reading the rest could run code'
            ) from error
    require_weights(content, source)
    return weights_in(content, source)


def weights_in(content: Any, source: str) -> dict[str, torch.Tensor]:
    """The tensors by name of what a file holds.

    Args:
        content: a state dict, or a dict with ``'state_dict'``.
        source: the file, for messages.

    Raises:
        ValueError: when it is something else; it says what.
    """
    stored = content.get('state_dict', content) if isinstance(content, Mapping) else content
    if not isinstance(stored, Mapping):
        raise ValueError(
            f'{source} holds a {type(stored).__name__}: expected a dict with '
            "'state_dict', as MMEngine saves it"
        )
    strange = [str(name) for name, value in stored.items() if not isinstance(value, torch.Tensor)]
    if strange:
        raise ValueError(
            f'{source} holds no state dict: {shorten(strange)} '
            f'{"is" if len(strange) == 1 else "are"} no tensor'
        )
    # As MMEngine does for checkpoints of DistributedDataParallel.
    return {str(name).removeprefix('module.'): value for name, value in stored.items()}


def rounded(stored: Mapping[str, Any], model: Mapping[str, torch.Tensor]) -> str | None:
    """What to say of tensors that are stored with fewer bits than the model has; None of none."""
    less = [
        name
        for name, value in stored.items()
        if isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and name in model
        and value.element_size() < model[name].element_size()
    ]
    if not less:
        return None
    return (
        f'the checkpoint stores {shorten(less)} with fewer bits than the model has: they are '
        'taken as they are, rounded'
    )


def shorten(names: list[str]) -> str:
    """The first few names, and how many there are beside them."""
    more = f', and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
