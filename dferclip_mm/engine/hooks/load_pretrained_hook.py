"""Training starts from another model's backbone, whatever head that model had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook

from ...checkpoints.load import read_weights, rounded
from ...checkpoints.unwrap import full_state_dict
from .strict_load_hook import misfit


@HOOKS.register_module()
class LoadPretrainedHook(Hook):
    """Starts training from parts of a checkpoint, MMAction2's own for instance.

    The file is read as data, its checksums compared. The named parts must fit in full. What of the
    model is not among them starts from its own weights, and what of the checkpoint is not is left
    out; the log names both. A resumed run is left alone. The host's `load_from` is for checkpoints
    of the whole model, and its `pretrained` is understood differently by each backbone.

    Args:
        checkpoint: a file or URL that MMEngine can read.
        parts: what to take: ``'backbone'``, ``'neck'``, ``'cls_head'``, or parts of them
            (``'cls_head.fc_cls'``).
    """

    def __init__(self, checkpoint: str, parts: Sequence[str] = ('backbone',)) -> None:
        self.checkpoint = checkpoint
        self.parts = (parts,) if isinstance(parts, str) else tuple(parts)

    def before_train(self, runner: Any) -> None:
        """Load the parts, unless the run is resumed.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when it is no checkpoint that can be relied on, lacks a part, or a part
                does not fit; it names both sides.
        """
        if runner.iter > 0:
            return
        if runner._load_from:
            raise ValueError(
                f'load_from={runner._load_from!r} and LoadPretrainedHook both give weights: '
                'leave one of them out'
            )
        stored = read_weights(self.checkpoint)
        with full_state_dict(runner.model) as model:
            report = load_parts(model, stored, self.parts, self.checkpoint)
            taken = {name: value for name, value in stored.items() if _below(self.parts, name)}
            said = rounded(taken, model.state_dict())
        if said is not None:
            runner.logger.warning(said)
        runner.logger.info(report)


def load_parts(
    model: torch.nn.Module,
    stored: Mapping[str, torch.Tensor],
    parts: Sequence[str],
    source: str,
) -> str:
    """Load the tensors below `parts`, all of them, and leave the others.

    Args:
        model: a recognizer.
        stored: a recognizer's tensors by name.
        parts: what to load.
        source: where the tensors come from, for what is reported.

    Returns:
        What was loaded, what the model has beside it, and what was left out.

    Raises:
        ValueError: when a part is missing, or does not fit.
    """
    current = model.state_dict()
    wanted = {name: value for name, value in current.items() if _below(parts, name)}
    found = {name: value for name, value in stored.items() if _below(parts, name)}
    for part in parts:
        if not any(_below([part], name) for name in found):
            held = ', '.join(sorted({name.split('.')[0] for name in stored})[:6])
            raise ValueError(f'{source} has no tensor of {part}: it has those of {held}')
    problem = misfit(found, wanted)
    if problem:
        raise ValueError(
            f'{source} does not fit the model in {", ".join(parts)}: {problem}; build the backbone '
            "with the arguments of the checkpoint's config"
        )
    model.load_state_dict(found, strict=False)
    return (
        f'{len(found)} tensors of {", ".join(parts)} loaded from {source}; not in it, so starting '
        f'from their own weights: {_count(set(current) - set(wanted))}; left out of it: '
        f'{_count(set(stored) - set(found))}'
    )


def _below(parts: Sequence[str], name: str) -> bool:
    return any(name.startswith(f'{part}.') for part in parts)


def _count(names: set[str]) -> str:
    """Names by their first two words, with how many tensors each has."""
    counts: dict[str, int] = {}
    for name in sorted(names):
        stem = '.'.join(name.split('.')[:2])
        counts[stem] = counts.get(stem, 0) + 1
    return ', '.join(f'{stem} ({count})' for stem, count in counts.items()) or 'nothing'
