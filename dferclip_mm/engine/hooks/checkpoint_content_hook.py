"""What is in a checkpoint: plain values when it is written, nothing executed when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook, EMAHook, Hook

from ...checkpoints.load import data_alone, rounded
from ...checkpoints.plain_values import plain, rebuild_histories
from ...checkpoints.resume_point import (
    find_resumable,
    read_checkpoint,
    require_resumable,
    require_weights,
)
from ...checkpoints.unwrap import full_state_dict
from ..lookup import find_hook


@HOOKS.register_module()
class CheckpointContentHook(Hook):
    """Stores checkpoints as tensors and plain values, and refuses those that cannot be relied on.

    What it writes loads with ``torch.load(weights_only=True)`` in a process that knows neither
    MMEngine nor this package; the config's text stands in ``meta.config_text``, which no program
    executes. Before a local file is loaded, its checksums are compared and its content is looked
    at, in the main process; a run that resumes from its latest checkpoint takes the furthest whole
    one when that is broken. Of a file at an address the tensors and plain values alone are read. A
    config in a file that is resumed is ignored, where the host executes it. (Its flexible runner
    loads before hooks start: there, ``build_runner`` looks.)
    """

    # After all hooks that add to a checkpoint.
    priority = 'LOWEST'

    def __init__(self) -> None:
        # From the start of a run until its checkpoint is loaded, where that has an address.
        self._guard = ExitStack()

    def before_run(self, runner: Any) -> None:
        """Choose what to resume, and look at what will be loaded.

        Raises:
            ValueError: in each process, when a file cannot be used; it says why.
            FileNotFoundError: when there is none.
        """
        if runner._has_loaded:
            return
        answer: list[Any] = [None, [], None]
        if dist.is_main_process():
            try:
                answer[:2] = choose(runner)
            except (OSError, ValueError) as error:
                answer[2] = error
        dist.broadcast_object_list(answer)
        path, passed_over, problem = answer
        if problem is not None:
            raise type(problem)(str(problem))
        for text in passed_over:
            runner.logger.warning(f'passed over: {text}')
        if path is not None and passed_over:
            runner.logger.warning(f'resuming from {path}')
        runner._load_from = path
        if path is not None and '://' in str(path):
            self._guard.enter_context(data_alone())

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Take out what the host would execute, and rebuild its histories.

        Raises:
            ValueError: when a history is none, or a run would go on from an average.
        """
        self._guard.close()
        if not isinstance(checkpoint, Mapping):
            return
        if runner._resume and 'ema_state_dict' in checkpoint and find_hook(runner, EMAHook) is None:
            # EMAHook stores the average in the place of the weights, and puts them back.
            raise ValueError(
                f'{runner._load_from} holds an average of the weights (ema_state_dict) and this '
                'run none: expected EMAHook in custom_hooks, without which training would go on '
                'from the average. Put it back, or start from the average with load_from'
            )
        meta = checkpoint.get('meta')
        # The host's Runner.resume executes this text.
        if isinstance(meta, dict) and meta.pop('config', None) is not None:
            runner.logger.warning('the checkpoint holds a config (meta.config): it is not executed')
        hub = checkpoint.get('message_hub')
        if isinstance(hub, dict) and isinstance(hub.get('log_scalars'), Mapping):
            hub['log_scalars'] = rebuild_histories(hub['log_scalars'])
        stored = checkpoint.get('state_dict', checkpoint)
        if isinstance(stored, Mapping):
            with full_state_dict(runner.model) as model:
                said = rounded(stored, model.state_dict())
            if said is not None:
                runner.logger.warning(said)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Turn all but the weights, which are tensors, into plain values."""
        left_out: list[str] = []
        for part in [name for name in checkpoint if not name.endswith('state_dict')]:
            checkpoint[part] = plain(checkpoint[part], part, left_out)
        meta = checkpoint['meta']
        if 'cfg' in meta:
            # Under its usual name the host's inferencers execute it.
            meta['config_text'] = meta.pop('cfg')
        # A OneCycle schedule stores its curve, which its constructor sets again.
        strange = [name for name in left_out if not name.endswith('.anneal_func')]
        if strange:
            runner.logger.warning(
                f'left out of the checkpoint, since they are no plain values: {", ".join(strange)}'
            )


def choose(runner: Any) -> tuple[str | None, list[str]]:
    """The checkpoint that a runner will load, looked through, and why others were passed over.

    Raises:
        ValueError, FileNotFoundError: when it cannot be used.
    """
    path = runner._load_from
    writer = find_hook(runner, CheckpointHook)
    optimizer = writer is None or writer.save_optimizer
    if path is not None:
        if '://' not in str(path) and not Path(path).is_dir():
            content = read_checkpoint(path)
            if runner._resume:
                require_resumable(content, path, optimizer=optimizer)
            else:
                require_weights(content, path)
        return path, []
    if not runner._resume:
        return None, []
    folder = runner.work_dir
    if writer is not None and writer.out_dir not in (None, folder):
        folder = str(Path(writer.out_dir) / Path(folder).name)
    if '://' in folder:
        return None, []
    pattern = writer.filename_tmpl.format('*') if writer is not None else 'epoch_*.pth'
    found, passed_over = find_resumable(runner.work_dir, folder, pattern, optimizer=optimizer)
    if found is None:
        return None, [f'nothing to resume in {folder}: training starts from the beginning']
    return str(found), passed_over
