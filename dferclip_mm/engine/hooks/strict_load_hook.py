"""A checkpoint must fit the model in full, or the run stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from torch import nn

from ...checkpoints.load import shorten, weights_in
from ...checkpoints.unwrap import full_state_dict


def misfit(checkpoint: Mapping[str, torch.Tensor], model: Mapping[str, torch.Tensor]) -> str | None:
    """Both sides of what does not fit between two state dicts; None when everything fits.

    Args:
        checkpoint: tensors by name, as stored.
        model: tensors by name, as the model has them.
    """
    reshaped = [
        f'{name} {tuple(checkpoint[name].shape)} against {tuple(model[name].shape)}'
        for name in model
        if name in checkpoint and checkpoint[name].shape != model[name].shape
    ]
    sides = (
        ('only in the checkpoint', [name for name in checkpoint if name not in model]),
        ('only in the model', [name for name in model if name not in checkpoint]),
        ('of another shape (checkpoint against model)', reshaped),
    )
    found = [f'{len(names)} {side}: {shorten(names)}' for side, names in sides if names]
    return '; '.join(found) or None


def _as_frozen(
    checkpoint: Mapping[str, torch.Tensor], model: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The checkpoint without the weights of towers that the model keeps frozen.

    For those the model has a fingerprint in place of the weights; it takes either from a
    checkpoint, and checks the weights itself.
    """
    found = dict(checkpoint)
    for mark in [name for name in model if name.endswith('_fingerprint') and name not in found]:
        stem = mark.removesuffix('_fingerprint') + '.'
        held = [name for name in found if name.startswith(stem)]
        if held:
            found = {name: value for name, value in found.items() if name not in held}
            found[mark] = model[mark]
    return found


def compare(checkpoint: Any, model: nn.Module, source: str) -> dict[str, torch.Tensor]:
    """The state dict of a checkpoint that fits the model in full.

    Args:
        checkpoint: what the file holds.
        model: the model, without a wrapper.
        source: the file, for messages.

    Raises:
        ValueError: when it does not fit; it names both sides.
    """
    stored = weights_in(checkpoint, source)
    expected = model.state_dict()
    problem = misfit(_as_frozen(stored, expected), expected)
    if problem:
        raise ValueError(
            f'{source} does not fit the model: {problem}; give a checkpoint of this config, '
            'or the config that the checkpoint was trained with'
        )
    return stored


@HOOKS.register_module()
class StrictLoadHook(Hook):
    """Refuses a checkpoint with missing, unexpected or reshaped tensors.

    MMEngine loads with ``strict=False``: a checkpoint without a single matching name would be
    scored, or trained on, with random weights. Weights of a part alone go through that part's own
    ``pretrained`` or ``init_cfg``, not through ``load_from``.
    """

    # Before EMAHook, which loads what it is given and swaps it into the checkpoint.
    priority = 'VERY_HIGH'

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Compare the checkpoint with the model before MMEngine loads it.

        Raises:
            ValueError: when they do not fit; it names both sides.
        """
        source = runner._load_from or f'the latest checkpoint in {runner.work_dir}'
        with full_state_dict(runner.model) as model:
            compare(checkpoint, model, source)
