"""Is a checkpoint on the disk complete, and is it there before an older one is removed?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook

from ...checkpoints.backend import BACKEND, CheckpointBackend
from ...checkpoints.load import is_remote
from ...checkpoints.resume_point import POINTER, PREEMPTED, checkpoint_location
from ...checkpoints.to_plain import to_plain
from ...files import TEMPORARY, atomic_write

_OUTDATED = 'outdated_ckpts'


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook with atomic writes; its arguments are the same.

    A superfluous file is removed after the checkpoint that no longer needs it is on the disk, so
    one checkpoint more needs space; what a killed run could not remove, when it resumes. In a
    remote ``out_dir``, or with ``backend_args``, files are written and removed as MMEngine does it.

    A checkpoint holds tensors and plain values, and loads with ``torch.load(weights_only=True)``
    where neither MMEngine nor this package is installed. The config is in ``meta.config_text``,
    which no program executes.
    """

    # None outside of training.
    file_backend: Any = None
    # Set by MMEngine.
    backend_args: dict[str, Any] | None
    last_ckpt: str | None
    # Iterations made when the newest checkpoint to resume from was written.
    saved_at = -1
    # Epoch and iteration of the checkpoint that is being written.
    _position: dict[str, int] = {}

    def before_train(self, runner: Any) -> None:
        """Choose how to write, and clean up after a killed run."""
        info = runner.message_hub.runtime_info
        outdated = info.pop(_OUTDATED, None)
        folder, _ = checkpoint_location(runner.work_dir, self.out_dir)
        if self.backend_args is None and self.file_client_args is None and not is_remote(folder):
            number = re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+')
            names = rf'(best_.+_)?{number}|{re.escape(PREEMPTED)}'
            self.backend_args = dict(backend=BACKEND, folder=folder, names=names)
        super().before_train(runner)
        # MMEngine stores a new best score at once only if it knows of an earlier checkpoint.
        self.last_ckpt = info.get('last_ckpt')
        self.saved_at = runner.iter
        if not (isinstance(self.file_backend, CheckpointBackend) and dist.is_main_process()):
            return
        resumed = runner._load_from if runner._resume else None
        if resumed and Path(resumed).resolve().parent == Path(folder).resolve():
            self.file_backend.outdated += [name for name in outdated or () if type(name) is str]
            # MMEngine's own write of it may have been cut.
            atomic_write(Path(runner.work_dir) / POINTER, str(resumed))
        self._remove_outdated(runner)
        for leftover in Path(folder).glob(f'*{Path(self.filename_tmpl).suffix}{TEMPORARY}'):
            leftover.unlink(missing_ok=True)

    def save_now(self, runner: Any, iterations: int) -> None:
        """Write what the run resumes from, after so many iterations; the next one replaces it."""
        self._position = dict(epoch=runner.epoch, iter=iterations)
        runner.save_checkpoint(
            self.out_dir,
            PREEMPTED,
            self.file_client_args,
            meta=dict(self._position),
            by_epoch=False,
            backend_args=self.backend_args,
        )
        self._position = {}
        if dist.is_main_process():
            atomic_write(Path(runner.work_dir) / POINTER, self._path(PREEMPTED))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Turn everything but the tensors by name into plain values."""
        meta, hub = checkpoint['meta'], checkpoint['message_hub']
        # MMEngine's FlexibleRunner counts an epoch or iteration too many after validation.
        meta.update(self._position)
        # Of these, MMEngine's differ between a run and one that resumed before validation.
        info = hub['runtime_info']
        info.update({name: meta[name] for name in ('epoch', 'iter') if name in info})
        outdated = getattr(self.file_backend, 'outdated', [])
        info[_OUTDATED] = [name for name in outdated if name != PREEMPTED]
        hub['resumed_keys'][_OUTDATED] = True
        dropped: list[str] = []
        for key in [name for name in checkpoint if not name.endswith('state_dict')]:
            checkpoint[key] = to_plain(checkpoint[key], key, dropped)
        if 'cfg' in checkpoint['meta']:
            # MMEngine's inferencers execute it under its usual name.
            checkpoint['meta']['config_text'] = checkpoint['meta'].pop('cfg')
        # A OneCycle schedule stores its curve, which its constructor sets again.
        dropped = [name for name in dropped if not name.endswith('.anneal_func')]
        if dropped:
            runner.logger.warning(
                f'not saved in the checkpoint, since they are no plain values: {", ".join(dropped)}'
            )

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any] | None = None) -> None:
        """Save the best checkpoint of a training run; validation without training saves nothing."""
        if self.file_backend is None:
            return
        self._position = dict(epoch=runner.epoch, iter=runner.iter)
        super().after_val_epoch(runner, metrics)
        self._position = {}
        self._remove_outdated(runner)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        if dist.is_main_process() and self.file_backend.isfile(self._path(PREEMPTED)):
            self.file_backend.remove(self._path(PREEMPTED))
        self._position = dict(epoch=meta['epoch'], iter=meta['iter'])
        super()._save_checkpoint_with_step(runner, step, meta)
        self._position = {}
        self.saved_at = meta['iter']
        self._remove_outdated(runner)

    def _path(self, name: str) -> str:
        return self.file_backend.join_path(self.out_dir, name)

    def _remove_outdated(self, runner: Any) -> None:
        if not isinstance(self.file_backend, CheckpointBackend):
            return
        # An epoch that is validated again replaces its best checkpoint by one of the same name.
        best = [getattr(self, 'best_ckpt_path', None)]
        best += getattr(self, 'best_ckpt_path_dict', {}).values()
        keep = {Path(path).name for path in (*best, self.last_ckpt) if path}
        for name in self.file_backend.remove_outdated(keep):
            runner.logger.warning(
                f'{self._path(name)} is outdated and could not be removed: tried again after the '
                'next checkpoint, and when the run resumes'
            )
