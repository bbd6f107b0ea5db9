"""What happens on Ctrl-C, and when the scheduler ends the run with SIGTERM or SIGUSR1?"""

from __future__ import annotations

import functools
import multiprocessing
import multiprocessing.util
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import BaseLoop
from torch import distributed

from ..lookup import find_hook
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .exact_resume_hook import VALIDATED

# EX_TEMPFAIL: try again later.
EXIT_CODE = 75
_NAMES = ('SIGINT', 'SIGTERM', 'SIGUSR1')
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM, SIGUSR1 or Ctrl-C: finish the iteration, save, exit with code 75.

    ``--resume`` then continues with the next batch. Several processes agree through one number per
    iteration, which is reduced while the model computes. With accumulated gradients the run saves
    after the next optimizer step. A signal after an epoch or within validation is obeyed after the
    next clips are validated; the resumed run makes the whole validation. A second Ctrl-C ends the
    run without saving. Workers of loaders ignore these signals, which a scheduler or a terminal
    sends to every process.
    """

    # After the hooks that change the state of a run.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.requested = False
        self._agreement: tuple[Any, torch.Tensor] | None = None
        self._before: dict[Any, Any] = {}
        self._writer: AtomicCheckpointHook | None = None

    def before_run(self, runner: Any) -> None:
        """Make the training loop handle the signals while it runs."""
        if isinstance(runner._train_loop, dict) or runner._train_loop is None:
            return
        self._writer = find_hook(runner, AtomicCheckpointHook)
        if self._writer is None:
            runner.logger.warning(
                'on SIGTERM this run ends without saving: PreemptionHook needs '
                'default_hooks.checkpoint.type=AtomicCheckpointHook'
            )
            return
        if threading.current_thread() is not threading.main_thread():
            return
        # At exit Python sends workers SIGTERM, which they ignore, and would wait forever.
        multiprocessing.util.Finalize(None, _end_workers, exitpriority=0)
        loop = runner.train_loop
        # MMEngine calls no hook when a run fails, and the signal handlers have to be restored.
        loop.run = functools.partial(self._run, loop, loop.run)

    def before_train_epoch(self, runner: Any) -> None:
        """Block the signals while workers are started."""
        self._block(True)

    before_val_epoch = before_train_epoch

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any | None = None) -> None:
        """Start to ask the other processes."""
        self._block(False)
        if dist.get_world_size() > 1:
            flag = torch.tensor(float(self.requested), device=dist.get_comm_device())
            work = distributed.all_reduce(flag, distributed.ReduceOp.MAX, async_op=True)
            self._agreement = work, flag

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any | None = None, outputs: Any | None = None
    ) -> None:
        """Save and exit with code 75, if that was requested."""
        requested = self.requested
        if self._agreement is not None:
            work, flag = self._agreement
            work.wait()
            requested, self._agreement = bool(flag), None
            # All processes remember it until the optimizer step.
            self.requested = self.requested or requested
        if self._writer is None or not requested or not runner.optim_wrapper.should_update():
            return
        self._writer.save_now(runner, runner.iter + 1)
        dist.barrier()
        self._exit(runner, f'saved after iteration {runner.iter + 1}')

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any | None = None, outputs: Any | None = None
    ) -> None:
        """Save, if that was not done just before, and exit with 75; the resumed run validates."""
        self._block(False)
        if not self.requested or self._writer is None:
            return
        if self._writer.saved_at == runner.iter:
            self._exit(runner, 'saved before this validation')
        for hook in [hook for hook in runner.hooks if isinstance(hook, EMAHook)]:
            # Gives the model its own weights back.
            hook.after_val_epoch(runner)
        runner.message_hub.update_info(VALIDATED, -1)
        self._writer.save_now(runner, runner.iter)
        self._exit(runner, f'saved after iteration {runner.iter}, in its validation')

    def _run(self, loop: BaseLoop, run: Callable[[], Any]) -> Any:
        for name in SIGNALS:
            self._before[name] = signal.signal(name, self._request)
        # Loops that count iterations start their workers before training.
        self._block(True)
        try:
            return run()
        finally:
            self._restore()
            del loop.run

    def _request(self, number: int, frame: Any) -> None:
        self.requested = True
        if number == signal.SIGINT:
            # Printing is not safe here.
            os.write(2, b'\nending: press Ctrl-C again to end at once, without saving\n')
            signal.signal(number, self._before[number])

    def _exit(self, runner: Any, when: str) -> None:
        runner.logger.warning(
            f'stop signal received: {when}. Continue with --resume. Exit code {EXIT_CODE}'
        )
        # PyTorch would wait five seconds for each of them.
        _end_workers()
        raise SystemExit(EXIT_CODE)

    def _restore(self) -> None:
        self._block(False)
        for name, handler in self._before.items():
            signal.signal(name, handler)
        self._before = {}

    def _block(self, blocked: bool) -> None:
        """Block or unblock the signals; processes started while they are blocked never get them."""
        if self._before and hasattr(signal, 'pthread_sigmask'):
            how = signal.SIG_BLOCK if blocked else signal.SIG_UNBLOCK
            signal.pthread_sigmask(how, SIGNALS)


def _end_workers() -> None:
    # PyTorch would raise an error for a worker that a signal ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()
