"""Checkpoints are written whole or not at all, and the new one before an old one goes."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook

from ..checkpoints import PART, POINTER, PREEMPTED, no_room, publish, write_whole
from ..finite import tensors_in

_OUTDATED = 'outdated_ckpts'


class _Later:
    """The host's file backend, but what it is told to remove waits."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.waiting: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Note a file; folders come by another name."""
        self.waiting.append(str(path))

    rmtree = remove

    def finish(self) -> None:
        """Remove what waits."""
        for path in self.waiting:
            if self._backend.isdir(path):
                self._backend.rmtree(path)
            elif self._backend.isfile(path):
                self._backend.remove(path)
        self.waiting = []


class _WritesWhole:
    """A runner whose checkpoints get their names when they are on the disk."""

    def __init__(self, runner: Any, hook: SafeCheckpointHook) -> None:
        self._runner, self._hook = runner, hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **settings: Any) -> None:
        """As the runner's own.

        Raises:
            OSError: when it cannot be written; the old file of that name is as it was.
        """
        if '://' in str(out_dir):
            self._runner.save_checkpoint(out_dir, filename, *args, **settings)
            return
        path = Path(out_dir) / filename
        part = path.with_name(path.name + PART)
        self._hook.place = dict(settings.get('meta') or {})
        try:
            self._runner.save_checkpoint(str(out_dir), part.name, *args, **settings)
            if dist.is_main_process() and part.exists():
                publish(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise OSError(no_room(path, self._hook.size, error)) from error
        finally:
            self._hook.place = {}
        self._hook.keep(str(path))


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """The host's hook, with another order and manner of writing; its arguments are the host's.

    Each checkpoint, and the file ``last_checkpoint``, is written under another name, put on the
    disk and then renamed. What ``max_keep_ckpts`` or a better epoch makes superfluous is removed
    afterwards, which takes room for one checkpoint more. What a killed run had no time to remove
    is removed when it resumes.
    """

    # The host sets them when training starts.
    file_backend: Any
    keep_ckpt_ids: deque
    best_ckpt_path: Any

    # Bytes of the tensors of the checkpoint that is being written.
    size = 0
    # Its epoch and iteration, as this hook counts them.
    place: dict[str, int] = {}
    # Iterations made when the last one to resume from was written.
    saved_at = -1

    def before_train(self, runner: Any) -> None:
        """Take up the names of what was kept, and clear away what a killed run left."""
        info = runner.message_hub.runtime_info
        if 'keep_ckpt_ids' in info:
            # They name files to remove, and come from a file.
            steps = [step for step in info['keep_ckpt_ids'] if type(step) is int]
            runner.message_hub.update_info('keep_ckpt_ids', steps)
        super().before_train(runner)
        self.file_backend = _Later(self.file_backend)
        self._name_best(runner)
        if '://' in self.out_dir:
            return
        resumed = Path(runner._load_from) if runner._resume and runner._load_from else None
        here = resumed is not None and resumed.resolve().parent == Path(self.out_dir).resolve()
        if here and resumed is not None and re.fullmatch(self._names(), resumed.name):
            # Else the host does not tell it of the best epoch, should it be this one.
            self.last_ckpt = str(resumed)
            self.saved_at = runner.iter
        if dist.is_main_process():
            self._clear(info.get(_OUTDATED) if here else [])
        runner.message_hub.update_info(_OUTDATED, [])

    def save_now(self, runner: Any, iterations: int) -> None:
        """Write what the run goes on from; the next checkpoint replaces it.

        Args:
            runner: not within an iteration.
            iterations: how many it has made.
        """
        whole = _WritesWhole(runner, self)
        whole.save_checkpoint(
            self.out_dir,
            PREEMPTED,
            save_optimizer=True,
            save_param_scheduler=True,
            meta=dict(epoch=runner.epoch, iter=iterations),
            by_epoch=False,
        )
        self._point_to(runner, self.file_backend.join_path(self.out_dir, PREEMPTED))

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Add up its tensors, for a message, and say everywhere alike how far the run is."""
        self.size = sum(value.numel() * value.element_size() for _, value in tensors_in(checkpoint))
        # The host's numbers differ between a run and one that resumed before validation.
        info, meta = checkpoint['message_hub']['runtime_info'], checkpoint['meta']
        # Its flexible runner takes its own, which after validation is an iteration too far.
        meta.update(self.place)
        info.update({name: meta[name] for name in ('epoch', 'iter') if name in info})

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any] | None = None) -> None:
        """Save the best of a training run; validation alone leaves nothing in its folder."""
        if hasattr(self, 'file_backend'):
            super().after_val_epoch(runner, metrics)

    def keep(self, path: str) -> None:
        """Leave a file that was just written, whatever was said of its name."""
        waiting = self.file_backend.waiting
        waiting[:] = [name for name in waiting if Path(name) != Path(path)]

    def _save_checkpoint(self, runner: Any) -> None:
        super()._save_checkpoint(_WritesWhole(runner, self))
        self._finish(runner)

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        super()._save_best_checkpoint(_WritesWhole(runner, self), metrics)
        self._finish(runner)

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        """Publish, then point to it; the host removes first, and writes its pointer in place."""
        hub = runner.message_hub
        path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
        if self.max_keep_ckpts > 0:
            self._make_room_for(step)
            hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        names = [Path(name).name for name in self.file_backend.waiting]
        hub.update_info(_OUTDATED, [name for name in names if name != PREEMPTED])
        preempted = self.file_backend.join_path(self.out_dir, PREEMPTED)
        if dist.is_main_process() and self.file_backend.isfile(preempted):
            self.file_backend.remove(preempted)
        self.last_ckpt = path
        hub.update_info('last_ckpt', path)
        runner.save_checkpoint(
            self.out_dir,
            Path(path).name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        self._point_to(runner, path)
        self.saved_at = meta['iter']

    def _make_room_for(self, step: int) -> None:
        """Note the oldest checkpoint for removal when another comes to those that are kept."""
        if self.keep_ckpt_ids and self.keep_ckpt_ids[-1] == step:
            return
        kept = deque((found for found in self.keep_ckpt_ids if found != step), self.max_keep_ckpts)
        if len(kept) == self.max_keep_ckpts:
            name = self.filename_tmpl.format(kept.popleft())
            self.file_backend.remove(self.file_backend.join_path(self.out_dir, name))
        kept.append(step)
        self.keep_ckpt_ids = kept

    def _point_to(self, runner: Any, path: str) -> None:
        if dist.is_main_process():
            pointer = Path(runner.work_dir) / POINTER
            try:
                write_whole(pointer, str(path))
            except OSError as error:
                pointer.with_name(pointer.name + PART).unlink(missing_ok=True)
                raise OSError(no_room(pointer, len(str(path)), error)) from error

    def _finish(self, runner: Any) -> None:
        if dist.is_main_process():
            self.file_backend.finish()
        self.file_backend.waiting = []
        runner.message_hub.update_info(_OUTDATED, [])

    def _name_best(self, runner: Any) -> None:
        """Know the best checkpoint by its name in this folder: the host would remove any path."""
        if not self.save_best:
            return
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = self._in_folder(runner, 'best_ckpt', self.best_ckpt_path)
            return
        for key, path in self.best_ckpt_path_dict.items():
            self.best_ckpt_path_dict[key] = self._in_folder(runner, f'best_ckpt_{key}', path)

    def _in_folder(self, runner: Any, key: str, path: Any) -> str | None:
        if path is None:
            return None
        name = re.split(r'[/\\]', str(path))[-1]
        if not (name.startswith('best_') and name.endswith('.pth')):
            runner.logger.warning(f'{path!r}, of the checkpoint, is no name of a best checkpoint')
            return None
        found = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info(key, found)
        return found

    def _clear(self, outdated: Any) -> None:
        folder = Path(self.out_dir)
        for part in [*folder.glob(f'*.pth{PART}'), folder / f'{POINTER}{PART}']:
            part.unlink(missing_ok=True)
        for name in outdated if isinstance(outdated, list) else ():
            # Names alone, and none but those that this hook gives.
            if isinstance(name, str) and re.fullmatch(rf'{self._names()}|best_[^/\\]+\.pth', name):
                (folder / name).unlink(missing_ok=True)

    def _names(self) -> str:
        """What the checkpoints are called, as a regular expression."""
        return re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+')
