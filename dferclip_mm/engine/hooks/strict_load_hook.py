"""Does a checkpoint fit the model, and is it nothing but data?"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, FlexibleRunner

from ...checkpoints.compare import check_fits, lower_precision_warning
from ...checkpoints.load import (
    get_state_dict,
    is_remote,
    read_checkpoint,
    weights_only_load,
)
from ...checkpoints.resume_point import check_resumable, checkpoint_location, find_resumable
from ...checkpoints.to_plain import restore_histories
from ...checkpoints.unwrap import full_state_dict
from ..checks.resumed_settings import (
    check_optimizer,
    check_unchanged,
    describe_changes,
    find_other_ends,
    find_settings,
    merge_settings,
)
from ..lookup import find_hook
from ..work_folder import lock_folders


@HOOKS.register_module()
class StrictLoadHook(Hook):
    """Verifies a checkpoint before it is loaded, and refuses one that does not fit the model.

    MMEngine loads with ``strict=False``: a checkpoint without a single matching name would be
    scored, or trained on, with random weights. To load only some modules, use LoadPretrainedHook
    or their own ``pretrained`` or ``init_cfg``.

    A second training run in the same folders is refused while the first lives. Of a file only
    tensors and plain values are read, and its checksums verified. A run that resumes from its last
    checkpoint takes the furthest intact one if that is damaged; of other settings it warns, and an
    optimizer or schedules that do not fit are refused. (MMEngine's FlexibleRunner loads before
    hooks run: for it, ``build_runner`` verifies ``load_from``.)
    """

    # Before EMAHook, which loads what it is given and swaps it into the checkpoint.
    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        # Until the checkpoint is loaded, if that has a URL.
        self._weights_only = ExitStack()
        self._locks = ExitStack()
        # What this run trains with, which its checkpoint decided in part; empty where unknown.
        self._settings: dict[str, str] | None = None

    def before_run(self, runner: Any) -> None:
        """Lock the folders of a training run; find the checkpoint to load, and verify it.

        The OSError or ValueError is raised in each process.
        """
        answer: list[Any] = [None, (), None]
        if dist.is_main_process():
            try:
                self._lock(runner)
                if not runner._has_loaded:
                    answer[:2] = find_checkpoint_to_load(runner)
            except (OSError, ValueError) as error:
                answer[2] = error
        dist.broadcast_object_list(answer)
        path, skipped, problem = answer
        if problem is not None:
            raise type(problem)(str(problem))
        if runner._has_loaded:
            return
        for reason in skipped:
            runner.logger.warning(f'skipped: {reason}')
        if path is not None and skipped:
            runner.logger.warning(f'resuming from {path}')
        runner._load_from = path
        if path is not None and is_remote(path):
            self._weights_only.enter_context(weights_only_load())

    def _lock(self, runner: Any) -> None:
        # Not runner.train_loop, which would build one for a run that only tests.
        if isinstance(runner._train_loop, BaseLoop):
            folder, _ = _checkpoint_location(runner)
            self._locks = lock_folders({runner.work_dir, *([] if is_remote(folder) else [folder])})

    def after_load_checkpoint(self, runner: Any, checkpoint: Any) -> None:
        """Compare the checkpoint with the model before MMEngine loads it."""
        self._weights_only.close()
        source = runner._load_from or f'the latest checkpoint in {runner.work_dir}'
        stored = get_state_dict(checkpoint, source)
        with full_state_dict(runner.model) as model:
            current = model.state_dict()
        check_fits(stored, current, source)
        warning = lower_precision_warning(stored, current)
        if warning is not None:
            runner.logger.warning(warning)
        if runner._resume:
            self._settings = _resumed_settings(runner, checkpoint, source)
        meta, hub = checkpoint.get('meta'), checkpoint.get('message_hub')
        # MMEngine executes this text on resume.
        if isinstance(meta, dict) and meta.pop('config', None) is not None:
            runner.logger.warning('the config in the checkpoint (meta.config) is not executed')
        if isinstance(hub, dict) and isinstance(hub.get('log_scalars'), Mapping):
            hub['log_scalars'] = restore_histories(hub['log_scalars'])

    def after_run(self, runner: Any) -> None:
        """Give the folders back."""
        self._locks.close()

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Store the settings, for a run that resumes."""
        if self._settings is None:
            self._settings = find_settings(runner.cfg, dist.get_world_size())
        checkpoint['meta']['settings'] = self._settings


def _resumed_settings(runner: Any, checkpoint: Mapping[str, Any], source: str) -> dict[str, str]:
    """The settings that the run resumes with, after a warning; stock MMEngine stores none."""
    now = find_settings(runner.cfg, dist.get_world_size())
    settings = checkpoint['meta'].get('settings') or {}
    # FlexibleRunner's strategies may leave out what a run's config does not ask for, and store
    # parts of an optimizer, by the names of parameters.
    flexible = isinstance(runner, FlexibleRunner)
    ends: list[str] = []
    if flexible or 'optimizer' in checkpoint:
        check_unchanged(settings, now, source)
    if (
        not flexible
        and 'optimizer' in checkpoint
        and isinstance(runner.optim_wrapper, OptimWrapper)
    ):
        check_optimizer(runner.optim_wrapper.optimizer, checkpoint['optimizer'], source)
    schedules = checkpoint.get('param_schedulers', () if flexible else None)
    if isinstance(runner.param_schedulers, list) and schedules != ():
        ends = find_other_ends(runner.param_schedulers, schedules, source)
    if not settings:
        runner.logger.warning(
            f'{source} does not tell the settings that it was trained with: whether this run has '
            'others is not checked'
        )
    warning = describe_changes(settings or now, now, ends)
    if warning is not None:
        runner.logger.warning(warning)
    return merge_settings(settings, now) if settings else {}


def _checkpoint_location(runner: Any) -> tuple[str, str]:
    """The folder of a run's checkpoints, and their names as a glob."""
    writer = find_hook(runner, CheckpointHook)
    settings = () if writer is None else (writer.out_dir, writer.filename_tmpl)
    return checkpoint_location(runner.work_dir, *settings)


def find_checkpoint_to_load(runner: Any) -> tuple[str | None, list[str]]:
    """The checkpoint that a runner will load, verified, and why others were skipped.

    Raises:
        FileNotFoundError, ValueError: when it cannot be used.
    """
    path = runner._load_from
    writer = find_hook(runner, CheckpointHook)
    optimizer = writer is None or writer.save_optimizer
    if path is not None:
        if not is_remote(path) and not Path(path := str(Path(path).expanduser())).is_dir():
            content = read_checkpoint(path)
            if runner._resume:
                check_resumable(content, path, optimizer=optimizer)
            else:
                get_state_dict(content, path)
        return path, []
    if not runner._resume:
        return None, []
    folder, pattern = _checkpoint_location(runner)
    if is_remote(folder):
        return None, []
    found, skipped = find_resumable(runner.work_dir, folder, pattern, optimizer=optimizer)
    if found is None:
        return None, [f'nothing to resume in {folder}: training starts from the beginning']
    return str(found), skipped
