"""A hook for tests of what happens to a run when one of its processes dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from mmaction.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook


@HOOKS.register_module()
class DieOnce(Hook):
    """Kills a process, or fails in it, the first time that a step is reached.

    Args:
        rank: of the process.
        step: counted from 0 over all epochs.
        way: ``'kill'``, or ``'raise'`` for an exception.
        times: how often; the runs that start again count on.
    """

    def __init__(self, rank: int, step: int, way: str, times: int = 1) -> None:
        self.rank, self.step, self.way, self.times = rank, step, way, times

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if get_rank() != self.rank or runner.iter != self.step:
            return
        died = Path(runner.work_dir) / 'died'
        before = int(died.read_text()) if died.is_file() else 0
        if before == self.times:
            return
        died.write_text(str(before + 1))
        if self.way == 'kill':
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError('the camera fell over')
