"""A run whose loss or weights are no numbers any more stops, and leaves no checkpoint of it."""

from __future__ import annotations

import math
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook, Hook

from ...checkpoints.unwrap import bare
from ..finite import clips_in, not_finite, tensors_in

_SHOWN = 4
_START = 'at the start: of load_from, resume, pretrained or LoadPretrainedHook'


@HOOKS.register_module()
class CheckInvalidLossHook(Hook):
    """Stops all processes at a loss, or before a checkpoint of weights, with NaN or infinity.

    The loss is read in each iteration, when the host has just waited for it; several processes
    tell each other in one number. A gradient that overflows under a ``GradScaler`` is none of this:
    its step is left out, and the loss stays finite. Weights are looked at after each epoch, before
    validation and testing, and whatever a checkpoint holds before it is written. A metric that is
    NaN or infinite never chooses the best checkpoint.

    Buffers that hold infinity (not NaN) from the start, such as attention masks, are left alone.
    """

    # After those that exchange weights or add to a checkpoint, EMAHook and LoadPretrainedHook;
    # before all that saves.
    priority = 'LOW'

    def __init__(self) -> None:
        self.infinite_buffers: frozenset[str] = frozenset()

    def before_run(self, runner: Any) -> None:
        """Note which buffers hold infinity, before weights are loaded."""
        buffers = dict(bare(runner.model).named_buffers())
        self.infinite_buffers = frozenset(
            name for name in not_finite(buffers.items()) if not buffers[name].isnan().any()
        )

    def before_train(self, runner: Any) -> None:
        """See that training starts from numbers.

        Raises:
            FloatingPointError: when a parameter is none.
        """
        self._require_finite_model(runner, _START)

    def before_test(self, runner: Any) -> None:
        """See that what is tested are numbers; raises as before training."""
        self._require_finite_model(runner, _START)

    def after_train_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any | None = None,
        outputs: Any | None = None,
    ) -> None:
        """Look at the loss.

        Raises:
            FloatingPointError: in each process, when it is no number in one; it names the clips.
        """
        losses = {
            name: float(torch.as_tensor(value).detach())
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        strange = {name: value for name, value in losses.items() if not math.isfinite(value)}
        if not _anywhere(bool(strange)):
            return
        found = None
        if strange:
            values = ', '.join(f'{name} = {value}' for name, value in strange.items())
            clips = clips_in(data_batch, runner.train_dataloader.dataset)
            found = '\n  '.join([f'{values} in process {dist.get_rank()}, with the clips', *clips])
        everywhere = [text for text in dist.all_gather_object(found) if text]
        raise FloatingPointError(
            f'the loss is not finite in iteration {runner.iter + 1} (epoch {runner.epoch + 1}): '
            + '\n'.join(everywhere)
            + '\nThis iteration is in no checkpoint. Look at these clips and at those of the '
            'iteration before, whose step may have spoilt the weights; try a lower learning rate, '
            'or optim_wrapper.clip_grad=dict(max_norm=1.0)'
        )

    def after_train_epoch(self, runner: Any) -> None:
        """Look at the weights, in each process, before a checkpoint is written.

        Raises:
            FloatingPointError: in each process, when one of them is no number.
        """
        self._require_finite_model(runner, f'after iteration {runner.iter}')

    def before_val_epoch(self, runner: Any) -> None:
        """Look at the weights, or their average, that are scored; raises as after an epoch."""
        self._require_finite_model(runner, 'before validation')

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Let no metric that is not finite choose the best checkpoint."""
        choosing = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        for name in [key for hook in choosing if hook.save_best for key in hook.key_indicators]:
            if not metrics:
                return
            # The host takes the first metric for 'auto', and knows its name from then on.
            name = next(iter(metrics)) if name == 'auto' else name
            value = metrics.get(name)
            if _is_spoilt(value):
                runner.logger.warning(f'{name} is {value}, and chooses no best checkpoint')
                # The host would take infinity; NaN is better than nothing to it. The value itself
                # is on record: RuntimeInfoHook comes first.
                metrics[name] = math.nan

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Look at all tensors that are about to be written: weights, their average, optimizer.

        Raises:
            FloatingPointError: when one holds NaN or infinity; nothing is written.
        """
        parts = ('state_dict', 'ema_state_dict', 'optimizer')
        found = not_finite(tensors_in({part: checkpoint.get(part) for part in parts}))
        # EMAHook names the average's 'module.…'.
        own = {name: name.partition('.')[2].removeprefix('module.') for name in found}
        found = [name for name in found if own[name] not in self.infinite_buffers]
        if found:
            raise FloatingPointError(_message(found, 'of the checkpoint to be written'))

    def _require_finite_model(self, runner: Any, when: str) -> None:
        model = bare(runner.model)
        found = not_finite([*model.named_parameters(), *model.named_buffers()])
        found = [name for name in found if name not in self.infinite_buffers]
        if _anywhere(bool(found)):
            here = found or ['in another process']
            raise FloatingPointError(_message(here, when))


def _is_spoilt(value: Any) -> bool:
    """Whether a metric is NaN or infinite; a Python number, one of numpy, or a tensor."""
    try:
        return not math.isfinite(value)
    except (TypeError, ValueError, RuntimeError):
        # No number: a text, several, none.
        return False


def _anywhere(here: bool) -> bool:
    """Whether it holds in any process."""
    if dist.get_world_size() == 1:
        return here
    flag = torch.tensor(float(here))
    dist.all_reduce(flag, 'max')
    return bool(flag)


def _message(names: list[str], when: str) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return (
        f'weights or optimizer state are not finite {when}: {", ".join(names[:_SHOWN])}{more}; no '
        'checkpoint is written of them. Resume the last one with a lower learning rate, or with '
        'optim_wrapper.clip_grad=dict(max_norm=1.0)'
    )
