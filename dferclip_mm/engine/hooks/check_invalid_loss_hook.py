"""Is the loss, or a weight, NaN or infinite?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook, Hook

from ...checkpoints.compare import shorten
from ...checkpoints.unwrap import unwrap_model


@HOOKS.register_module()
class CheckInvalidLossHook(Hook):
    """Stops all processes at a loss, or before a checkpoint of weights, with NaN or infinity.

    The loss is read in each iteration, after MMEngine has waited for it. Weights are checked
    before training, after each epoch, and before validation and testing; a checkpoint, before it
    is written. A metric that is NaN or infinite never chooses the best checkpoint. A gradient
    that overflows under a ``GradScaler`` is no error: its step is skipped.

    Buffers that hold infinity (not NaN) from the start, such as attention masks, are allowed.
    """

    # After EMAHook and LoadPretrainedHook, before CheckpointHook.
    priority = 'LOW'

    def __init__(self) -> None:
        self.infinite_buffers: frozenset[str] = frozenset()

    def before_run(self, runner: Any) -> None:
        """Note which buffers hold infinity, before weights are loaded."""
        buffers = dict(unwrap_model(runner.model).named_buffers())
        self.infinite_buffers = frozenset(
            name for name in find_not_finite(buffers.items()) if not buffers[name].isnan().any()
        )

    def before_train(self, runner: Any) -> None:
        """Check the weights that training starts from; raises FloatingPointError."""
        self._check_model(runner, 'before training: as load_from, pretrained or a hook loaded them')

    def before_test(self, runner: Any) -> None:
        """Check the weights that are tested; raises FloatingPointError."""
        self._check_model(runner, 'before testing: as load_from or pretrained loaded them')

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the loss.

        Raises:
            FloatingPointError: in each process, when one's loss is not finite; it names the clips.
        """
        losses = {key: value for key, value in (outputs or {}).items() if 'loss' in key}
        values = {key: float(torch.as_tensor(loss).detach()) for key, loss in losses.items()}
        invalid = [f'{key} = {value}' for key, value in values.items() if not math.isfinite(value)]
        if not _in_any_process(bool(invalid)):
            return
        clips = find_clips(data_batch, runner.train_dataloader.dataset) if invalid else []
        here = [f'{", ".join(invalid)} in process {dist.get_rank()}, with the clips', *clips]
        texts = dist.all_gather_object('\n  '.join(here) if invalid else '')
        raise FloatingPointError(
            f'the loss is not finite in iteration {runner.iter + 1} (epoch {runner.epoch + 1}): '
            + '\n'.join(filter(None, texts))
            + '\nNo checkpoint holds this iteration. Check these clips and those of the iteration '
            'before, whose step may have damaged the weights; try a lower learning rate, or '
            'optim_wrapper.clip_grad=dict(max_norm=1.0)'
        )

    def after_train_epoch(self, runner: Any) -> None:
        """Check the weights before a checkpoint is written; raises FloatingPointError."""
        self._check_model(runner, f'after iteration {runner.iter}')

    def before_val_epoch(self, runner: Any) -> None:
        """Check the weights, or their average, that are scored; raises FloatingPointError."""
        self._check_model(runner, 'before validation')

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any] | None = None) -> None:
        """Replace an infinite metric that chooses the best checkpoint by NaN, which is no best."""
        hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        names = [name for hook in hooks if hook.save_best for name in hook.key_indicators]
        for name in names:
            if not metrics:
                return
            # MMEngine takes the first metric for 'auto'.
            name = next(iter(metrics)) if name == 'auto' else name
            if metrics.get(name) is not None and not math.isfinite(metrics[name]):
                runner.logger.warning(f'{name} is {metrics[name]}: no best checkpoint is chosen')
                # RuntimeInfoHook has logged the value itself.
                metrics[name] = math.nan

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Check the weights, their average and the optimizer's state; raises FloatingPointError."""
        keys = ('state_dict', 'ema_state_dict', 'optimizer')
        found = self._find({key: checkpoint.get(key) for key in keys})
        if found:
            raise FloatingPointError(_message(found, 'in the checkpoint to be written'))

    def _check_model(self, runner: Any, when: str) -> None:
        model = unwrap_model(runner.model)
        found = self._find(dict([*model.named_parameters(), *model.named_buffers()]))
        if _in_any_process(bool(found)):
            raise FloatingPointError(_message(found or ['in another process'], when))

    def _find(self, content: Mapping[str, Any]) -> list[str]:
        # A checkpoint's are 'state_dict.…' and 'ema_state_dict.module.…'.
        allowed = tuple(f'.{name}' for name in self.infinite_buffers)
        names = find_not_finite(iterate_tensors(content))
        return [name for name in names if not f'.{name}'.endswith(allowed)]


def _message(names: list[str], when: str) -> str:
    return (
        f'weights or optimizer state are not finite {when}: {shorten(names)}; no checkpoint of '
        'them is written. Resume the last one with a lower learning rate, or with '
        'optim_wrapper.clip_grad=dict(max_norm=1.0)'
    )


def _in_any_process(here: bool) -> bool:
    if dist.get_world_size() == 1:
        return here
    flag = torch.tensor(float(here))
    dist.all_reduce(flag, 'max')
    return bool(flag)


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
    samples = batch.get('data_samples', ()) if isinstance(batch, Mapping) else ()
    files = [str(sample.metainfo.get('filename', '')) for sample in samples]
    lines = {}
    if hasattr(dataset, 'get_data_info'):
        for info in map(dataset.get_data_info, range(len(dataset))):
            if 'ann_file' in info:
                line = f' ({info["ann_file"]}:{info.get("ann_line", 0)})'
                lines[str(info.get('filename'))] = line
    unnamed = "a clip without a name (add 'filename' to meta_keys of PackActionInputs)"
    return [f'{file}{lines.get(file, "")}' if file else unnamed for file in files]
