"""Say by which clips the best checkpoint is chosen."""

from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import CheckpointHook, Hook

from ..find_hook import find_hook


@HOOKS.register_module()
class SelectionHook(Hook):
    """Logs the protocol of a run when training starts: what its best checkpoint is chosen by.

    The field chooses the best epoch on the test clips, which flatters the figures; a part held out
    of the training clips, or the last epoch, does not.
    """

    def before_train(self, runner: Any) -> None:
        """Log one line."""
        runner.logger.info(f'protocol: {selection(runner)}')


def selection(runner: Any) -> str:
    """The protocol of a run in words."""
    hook = find_hook(runner, CheckpointHook)
    if runner.val_loop is None or hook is None or hook.save_best is None:
        return 'the last epoch is the result; no checkpoint is chosen'
    dataset = runner.val_dataloader.dataset
    split = getattr(dataset, 'split', None)
    clips = f'{len(dataset)} {split or "validation"} clips'
    # The host turns the name into a list of one.
    measure = ', '.join(hook.save_best)
    best = f'the epoch with the best {measure} on {clips} is the result'
    if split == 'test':
        return f'{best}: as published, and optimistic, since those clips are the test'
    return best
