"""Which modules start from another model's weights?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook

from ...checkpoints.compare import Tensors, check_fits, lower_precision_warning
from ...checkpoints.load import read_weights
from ...checkpoints.unwrap import full_state_dict


@HOOKS.register_module()
class LoadPretrainedHook(Hook):
    """Starts training with some modules of a checkpoint, for instance one of MMAction2's.

    The named modules must fit in full; the others keep their own weights, and the rest of the
    checkpoint is ignored. The log names all of them. A resumed run loads nothing. (MMEngine's
    `load_from` is for checkpoints of the full model, and `pretrained` differs between backbones.)

    Args:
        checkpoint: a file or URL that MMEngine can read.
        prefixes: what to load: ``'backbone'``, ``'neck'``, ``'cls_head'`` or modules of these
            (``'cls_head.fc_cls'``).
    """

    def __init__(self, checkpoint: str, prefixes: Sequence[str] = ('backbone',)) -> None:
        self.checkpoint = checkpoint
        self.prefixes = (prefixes,) if isinstance(prefixes, str) else tuple(prefixes)

    def before_train(self, runner: Any) -> None:
        """Load the weights, unless the run is resumed, and verify that they fit."""
        if runner.iter > 0:
            return
        if runner._load_from:
            raise ValueError(
                f'load_from={runner._load_from!r} and LoadPretrainedHook both give weights: '
                'remove one of them'
            )
        stored = read_weights(self.checkpoint)
        with full_state_dict(runner.model) as model:
            for line in load_prefixes(model, stored, self.prefixes, self.checkpoint):
                runner.logger.info(line)


def load_prefixes(
    model: torch.nn.Module, stored: Tensors, prefixes: Sequence[str], source: str
) -> list[str]:
    """Load the tensors of `stored` below `prefixes` into a recognizer; returns what to log."""
    current = model.state_dict()
    starts = tuple(f'{prefix}.' for prefix in prefixes)
    expected = {name: value for name, value in current.items() if name.startswith(starts)}
    found = {name: value for name, value in stored.items() if name.startswith(starts)}
    for prefix, start in zip(prefixes, starts, strict=True):
        if not any(name.startswith(start) for name in found):
            held = ', '.join(sorted({name.split('.')[0] for name in stored})[:6])
            raise ValueError(f'{source} has no tensor of {prefix}: it has those of {held}')
    check_fits(found, expected, source)
    model.load_state_dict(found, strict=False)
    own = set(current) - set(expected)
    unasked = own & set(stored)
    told = [
        f'{len(found)} tensors of {", ".join(prefixes)} loaded from {source}',
        f'with their own weights: {_count(own - unasked)}',
        *([f'in the checkpoint, but not among prefixes: {_count(unasked)}'] if unasked else []),
        f'ignored in the checkpoint: {_count(set(stored) - set(found) - unasked)}',
    ]
    warning = lower_precision_warning(found, current)
    return ['; '.join(told), *([warning] if warning else [])]


def _count(names: Iterable[str]) -> str:
    """Names by their first two words, with how many tensors each has."""
    counts = Counter('.'.join(name.split('.')[:2]) for name in sorted(names))
    return ', '.join(f'{stem} ({count})' for stem, count in counts.items()) or 'nothing'
