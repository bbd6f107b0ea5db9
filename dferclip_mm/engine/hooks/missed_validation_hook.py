"""A resumed run makes up for the validation that its checkpoint was written before."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, IterBasedTrainLoop

# Not one that begins with val, which the host would log.
_KEY = 'last_validation'


@HOOKS.register_module()
class MissedValidationHook(Hook):
    """Validates when training resumes, if the checkpoint does not hold that validation.

    The host writes a checkpoint first and validates then: a run that is interrupted in between, or
    whose validation found no better weights, resumes without the scores of that epoch, and a best
    checkpoint may be missed.
    """

    # After CheckpointHook, which is ready for validation only when its own start is done.
    priority = 'LOWEST'

    def before_train(self, runner: Any) -> None:
        """Validate as the loop would have done."""
        loop = runner.train_loop
        done = _done(runner)
        if runner.val_loop is None or not done or runner.message_hub.get_info(_KEY) == done:
            return
        loop._decide_current_val_interval()
        limit = loop.max_iters if isinstance(loop, IterBasedTrainLoop) else loop.max_epochs
        if done >= loop.val_begin and (done % loop.val_interval == 0 or done == limit):
            runner.val_loop.run()

    def before_val_epoch(self, runner: Any) -> None:
        """Note which validation this is, for the checkpoint that may be written after it."""
        # Not runner.train_loop, which would build one for a run that only validates.
        if isinstance(runner._train_loop, BaseLoop):
            runner.message_hub.update_info(_KEY, _done(runner))


def _done(runner: Any) -> int:
    """Finished epochs, or iterations where the loop counts these."""
    by_iter = isinstance(runner.train_loop, IterBasedTrainLoop)
    return runner.iter if by_iter else runner.epoch
