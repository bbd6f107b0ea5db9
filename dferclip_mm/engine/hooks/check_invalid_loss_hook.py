"""Is the loss, or a weight, NaN or infinite?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import Hook

from ...checkpoints.compare import shorten
from ...checkpoints.unwrap import unwrap_model


@HOOKS.register_module()
class CheckInvalidLossHook(Hook):
    """Stops a run at a loss, or before a checkpoint of weights, with NaN or infinity.

    The loss is read in each iteration, after MMEngine has waited for it. Weights are checked
    before they are scored, and all that a checkpoint holds before it is written. A gradient that
    overflows under a ``GradScaler`` is no error: its step is skipped. Of several processes, the
    first to find one names it, and torchrun ends the others.

    Buffers may hold infinity (not NaN), as attention masks do.
    """

    # After EMAHook, before CheckpointHook.
    priority = 'LOW'

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the loss; the FloatingPointError names the clips."""
        losses = {key: value for key, value in (outputs or {}).items() if 'loss' in key}
        values = {key: float(torch.as_tensor(loss).detach()) for key, loss in losses.items()}
        invalid = [f'{key} = {value}' for key, value in values.items() if not math.isfinite(value)]
        if invalid:
            clips = find_clips(data_batch, runner.train_dataloader.dataset)
            here = [f'{", ".join(invalid)} in process {dist.get_rank()}, with the clips', *clips]
            raise FloatingPointError(
                f'the loss is not finite in iteration {runner.iter + 1} (epoch {runner.epoch + 1}):'
                ' ' + '\n  '.join(here) + '\nNo checkpoint holds this iteration. Check these clips '
                'and those of the iteration before, whose step may have damaged the weights; try a '
                'lower learning rate, or optim_wrapper.clip_grad=dict(max_norm=1.0)'
            )

    def before_val_epoch(self, runner: Any) -> None:
        """Check the weights, or their average, that are scored; raises FloatingPointError."""
        model = unwrap_model(runner.model)
        _check(runner, dict([*model.named_parameters(), *model.named_buffers()]), 'scored')

    before_test_epoch = before_val_epoch

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Check the weights, their average and the optimizer's state; raises FloatingPointError."""
        keys = ('state_dict', 'ema_state_dict', 'optimizer')
        _check(runner, {key: checkpoint.get(key) for key in keys}, 'saved')


def _check(runner: Any, content: Any, use: str) -> None:
    # A checkpoint's are 'state_dict.…' and 'ema_state_dict.module.…'.
    buffers = tuple(f'.{name}' for name, _ in unwrap_model(runner.model).named_buffers())
    tensors = dict(iterate_tensors(content))
    found = [
        name
        for name in find_not_finite(tensors.items())
        if not f'.{name}'.endswith(buffers) or tensors[name].isnan().any()
    ]
    if found:
        raise FloatingPointError(
            f'weights or optimizer state are not finite and not {use}: {shorten(found)}; resume '
            'the last checkpoint with a lower learning rate, or with '
            'optim_wrapper.clip_grad=dict(max_norm=1.0)'
        )


def iterate_tensors(content: Any, name: str = '') -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor in nested mappings and lists, with the keys that lead to it."""
    if isinstance(content, torch.Tensor):
        yield name, content
    elif isinstance(content, Mapping | list | tuple):
        items = content.items() if isinstance(content, Mapping) else enumerate(content)
        for key, value in items:
            yield from iterate_tensors(value, f'{name}.{key}' if name else str(key))


def find_not_finite(tensors: Iterable[tuple[str, torch.Tensor]]) -> list[str]:
    """Names of the tensors that hold NaN or infinity."""
    # The greatest magnitude shows either, without a temporary copy.
    greatest = [
        (name, torch.linalg.vector_norm(tensor.detach(), math.inf))
        for name, tensor in tensors
        if tensor.is_floating_point() and tensor.numel()
    ]
    return [name for name, value in greatest if not math.isfinite(value)]


def find_clips(batch: Any, dataset: Any) -> list[str]:
    """The clips of a batch as ``file (list:line)``, as far as batch and dataset know them."""
    samples = batch.get('data_samples') if isinstance(batch, Mapping) else None
    named = [each for each in samples or () if hasattr(each, 'metainfo')]
    files = [str(each.metainfo.get('filename', '')) for each in named]
    lines = {}
    for index in range(len(dataset)) if hasattr(dataset, 'get_data_info') else ():
        info = dataset.get_data_info(index)
        if 'ann_file' in info:
            line = f' ({info["ann_file"]}:{info.get("ann_line", 0)})'
            lines[str(info.get('filename'))] = line
    unnamed = "a clip without a name (add 'filename' to meta_keys of PackActionInputs)"
    return [f'{file}{lines.get(file, "")}' if file else unnamed for file in files]
