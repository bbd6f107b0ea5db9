"""A run that its scheduler is about to end saves, and says by its exit code that it can go on."""

from __future__ import annotations

import functools
import multiprocessing
import multiprocessing.util
import signal
import threading
from collections.abc import Callable
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop
from torch import distributed

from ..lookup import find_hook
from .atomic_checkpoint_hook import AtomicCheckpointHook

# EX_TEMPFAIL: try again later.
EXIT_CODE = 75
SIGNALS = tuple(getattr(signal, name) for name in ('SIGTERM', 'SIGUSR1') if hasattr(signal, name))


@HOOKS.register_module()
class PreemptionHook(Hook):
    """On SIGTERM or SIGUSR1: finish the iteration, save, end with exit code 75.

    ``--resume`` then goes on with the next batch. Several processes agree in one number an
    iteration, which is sent while the model computes; with gradients that are accumulated, the run
    ends when they have been used. Before validation it saves as well; within validation a process
    ends at once when the checkpoint before it is written, and else after one iteration more. Loader
    workers leave these signals alone: a scheduler sends them to all.
    """

    # After all that changes the state of a run.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.asked = False
        self._found: tuple[Any, torch.Tensor] | None = None
        self._before: dict[Any, Any] = {}
        self._writer: AtomicCheckpointHook | None = None

    def before_run(self, runner: Any) -> None:
        """Have the training loop take the signals while it runs."""
        if isinstance(runner._train_loop, dict) or runner._train_loop is None:
            return
        self._writer = find_hook(runner, AtomicCheckpointHook)
        if self._writer is None:
            runner.logger.warning(
                'on SIGTERM this run ends without saving: PreemptionHook saves with '
                'default_hooks.checkpoint.type=AtomicCheckpointHook'
            )
            return
        if threading.current_thread() is not threading.main_thread():
            return
        # Python ends what is left of its children with SIGTERM, and would wait for ever.
        multiprocessing.util.Finalize(None, _end_workers, exitpriority=0)
        loop = runner.train_loop
        # The host calls no hook when a run fails; whoever catches that gets the signals back.
        loop.run = functools.partial(self._run, loop, loop.run)

    def before_train_epoch(self, runner: Any) -> None:
        """Start this epoch's workers without the signals."""
        self._hold(True)

    def before_val(self, runner: Any) -> None:
        """Between training and validation: save what is not saved yet, and end.

        Before the hooks that take other weights for validation, or note that it was made.

        Raises:
            SystemExit: with code 75.
        """
        if self._writer is None:
            return
        self._hold(False)
        if dist.get_world_size() > 1:
            flag = torch.tensor(float(self.asked), device=dist.get_comm_device())
            distributed.all_reduce(flag, distributed.ReduceOp.MAX)
            self.asked = bool(flag)
        if not self.asked:
            return
        if self._writer.saved_at != runner.iter:
            self._writer.save_now(runner, runner.iter)
        dist.barrier()
        self._leave(runner, 'before validation; the run is saved')

    def before_val_epoch(self, runner: Any) -> None:
        """Start the workers without the signals."""
        self._hold(True)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any | None = None) -> None:
        """Ask the other processes."""
        self._hold(False)
        if dist.get_world_size() > 1:
            flag = torch.tensor(float(self.asked), device=dist.get_comm_device())
            work = distributed.all_reduce(flag, distributed.ReduceOp.MAX, async_op=True)
            self._found = work, flag

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any | None = None, outputs: Any | None = None
    ) -> None:
        """Save and end, when it was asked for.

        Raises:
            SystemExit: with code 75.
        """
        asked = self.asked
        if self._found is not None:
            work, flag = self._found
            work.wait()
            asked, self._found = bool(flag), None
            # Until the gradients are used, all processes have to remember.
            self.asked = self.asked or asked
        if self._writer is None or not asked or not runner.optim_wrapper.should_update():
            return
        self._writer.save_now(runner, runner.iter + 1)
        dist.barrier()
        self._leave(runner, f'saved after iteration {runner.iter + 1}')

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any | None = None, outputs: Any | None = None
    ) -> None:
        """End without delay, when nothing is lost by it; the resumed run validates.

        Raises:
            SystemExit: with code 75.
        """
        self._hold(False)
        if self.asked and self._writer is not None and self._writer.saved_at == runner.iter:
            self._leave(runner, 'in validation; its checkpoint is written')

    def _run(self, loop: BaseLoop, run: Callable[[], Any]) -> Any:
        for name in SIGNALS:
            self._before[name] = signal.signal(name, self._ask)
        # Loops by iteration start their workers before training.
        self._hold(True)
        try:
            return run()
        finally:
            self._restore()
            del loop.run

    def _ask(self, number: int, frame: Any) -> None:
        self.asked = True

    def _leave(self, runner: Any, when: str) -> None:
        runner.logger.warning(f'asked to end: {when}; go on with --resume (exit code {EXIT_CODE})')
        # PyTorch would wait for each of them for five seconds.
        _end_workers()
        raise SystemExit(EXIT_CODE)

    def _restore(self) -> None:
        self._hold(False)
        for name, handler in self._before.items():
            signal.signal(name, handler)
        self._before = {}

    def _hold(self, held: bool) -> None:
        """Keep the signals waiting; processes that are started meanwhile never get them."""
        if self._before and hasattr(signal, 'pthread_sigmask'):
            how = signal.SIG_BLOCK if held else signal.SIG_UNBLOCK
            signal.pthread_sigmask(how, SIGNALS)


def _end_workers() -> None:
    # PyTorch would raise for a worker that a signal ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()
