"""Checkpoints are written whole or not at all, and the new one before an old one goes."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmaction.registry import HOOKS
from mmengine import dist
from mmengine.hooks import CheckpointHook

from ...checkpoints.resume_point import PART, POINTER, PREEMPTED, no_room, write_whole
from ..best_choice import CHOSEN_BY, forget_others
from ..early_stopping import store_stopping, take_stopping
from ..finite import tensors_in
from ..whole_files import Later, WritesWhole, still_there

_OUTDATED = 'outdated_ckpts'


def _name_of(path: Any) -> str:
    """The last part of a path, which may be of another system."""
    return re.split(r'[/\\]', str(path))[-1]


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """The host's hook, with another order and manner of writing; its arguments are the host's.

    Each checkpoint, and the file ``last_checkpoint``, is written under another name, put on the
    disk and then renamed. What ``max_keep_ckpts`` or a better epoch makes superfluous is removed
    afterwards, which takes room for one checkpoint more. What a killed run had no time to remove
    is removed when it resumes. A run that resumes with another ``save_best`` or ``rule`` begins to
    choose anew.
    """

    # The host sets them when training starts.
    file_backend: Any
    keep_ckpt_ids: deque
    best_ckpt_path: Any
    rules: list

    # Bytes of the tensors of the checkpoint that is being written.
    size = 0
    # Its epoch and iteration, as this hook counts them.
    place: dict[str, int] = {}
    # Of the validation whose best is being saved.
    scores: Mapping[str, Any] = {}
    # Iterations made when the last one to resume from was written.
    saved_at = -1

    def before_train(self, runner: Any) -> None:
        """Take up the names of what was kept, and clear away what a killed run left."""
        info = runner.message_hub.runtime_info
        if 'keep_ckpt_ids' in info:
            # They name files to remove, and come from a file.
            steps = [step for step in info['keep_ckpt_ids'] if type(step) is int]
            runner.message_hub.update_info('keep_ckpt_ids', steps)
        self._choose_alike(runner)
        super().before_train(runner)
        self.file_backend = Later(self.file_backend)
        self._name_best(runner)
        take_stopping(runner)
        if '://' in self.out_dir:
            return
        resumed = Path(runner._load_from) if runner._resume and runner._load_from else None
        here = resumed is not None and resumed.resolve().parent == Path(self.out_dir).resolve()
        if here and resumed is not None:
            self._name_last(runner, resumed)
        if dist.is_main_process():
            self._clear(runner, info.get(_OUTDATED) if here else [])
        runner.message_hub.update_info(_OUTDATED, [])

    def save_now(self, runner: Any, iterations: int) -> None:
        """Write what the run goes on from; the next checkpoint replaces it.

        Args:
            runner: not within an iteration.
            iterations: how many it has made.
        """
        whole = WritesWhole(runner, self)
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
        store_stopping(runner, self, self.scores, checkpoint['message_hub'])

    def after_val_epoch(self, runner: Any, metrics: dict[str, Any] | None = None) -> None:
        """Save the best of a training run; validation alone leaves nothing in its folder."""
        if hasattr(self, 'file_backend'):
            super().after_val_epoch(runner, metrics)

    def keep(self, path: str) -> None:
        """Leave a file that was just written, whatever was said of its name."""
        waiting = self.file_backend.waiting
        waiting[:] = [name for name in waiting if Path(name) != Path(path)]

    def _save_checkpoint(self, runner: Any) -> None:
        super()._save_checkpoint(WritesWhole(runner, self))
        self._finish(runner)

    def _save_best_checkpoint(self, runner: Any, metrics: dict) -> None:
        """As the host's.

        Raises:
            ValueError: when the validation did not log what the best is chosen by.
        """
        if self.save_best and 'auto' in self.key_indicators:
            # As the host does it, which compares at once.
            self._init_rule(self.rules, [next(iter(metrics))])
            self._choose_alike(runner)
            self.best_ckpt_path = runner.message_hub.runtime_info.get('best_ckpt')
            self._name_best(runner)
        lost = [key for key in self.key_indicators if key not in metrics] if self.save_best else []
        if lost:
            # The host raises a bare KeyError.
            raise ValueError(
                f'save_best={lost[0]!r} is none of what this validation logged: expected one of '
                f'{", ".join(metrics)}; a class without clips has no recall'
            )
        self.scores = metrics
        try:
            super()._save_best_checkpoint(WritesWhole(runner, self), metrics)
        finally:
            self.scores = {}
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
        if not dist.is_main_process():
            self.file_backend.waiting = []
        for said in self.file_backend.finish():
            runner.logger.warning(said)
        runner.message_hub.update_info(_OUTDATED, [])

    def _choose_alike(self, runner: Any) -> None:
        """Compare with no best score that was chosen by another metric, or another rule."""
        if not self.save_best or 'auto' in self.key_indicators:
            return
        now = dict(zip(self.key_indicators, self.rules, strict=True))
        hub = runner.message_hub
        forgotten = forget_others(hub.runtime_info, now)
        for name in [
            each for each in hub.runtime_info if each.startswith(('best_score', 'best_ckpt'))
        ]:
            # The hub stores names that it was told of.
            hub.update_info(name, hub.runtime_info[name])
        if forgotten:
            by = ', '.join(f'{key} ({rule})' for key, rule in now.items())
            runner.logger.warning(
                f'the run chooses its best checkpoint by {by} from here on; that by '
                f'{"; that by ".join(forgotten)} stays as it is, and counts no longer'
            )
        hub.update_info(CHOSEN_BY, now)

    def _name_last(self, runner: Any, resumed: Path) -> None:
        """Know the checkpoint before: without one the host tells none of the best epoch."""
        if re.fullmatch(self._names(), resumed.name):
            self.last_ckpt = str(resumed)
            self.saved_at = runner.iter
        elif resumed.name == PREEMPTED:
            name = _name_of(runner.message_hub.runtime_info.get('last_ckpt'))
            if re.fullmatch(self._names(), name):
                self.last_ckpt = self.file_backend.join_path(self.out_dir, name)

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
        name = _name_of(path)
        if not re.fullmatch(self._best_names(), name):
            runner.logger.warning(f'{path!r}, of the checkpoint, is no name of a best checkpoint')
            return None
        found = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info(key, found)
        return found

    def _clear(self, runner: Any, outdated: Any) -> None:
        folder = Path(self.out_dir)
        parts = [path.name for path in folder.glob(f'*{PART}')]
        files = rf'{self._names()}|{self._best_names()}'
        whole = rf'(?:{files}|{re.escape(PREEMPTED)}|{POINTER}){re.escape(PART)}'
        names = [name for name in parts if re.fullmatch(whole, name)]
        # Names alone, and none but those that this hook gives.
        found = outdated if isinstance(outdated, list) else []
        names += [each for each in found if isinstance(each, str) and re.fullmatch(files, each)]
        for name in names:
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError as error:
                self.file_backend.remove(str(folder / name))
                runner.logger.warning(still_there(folder / name, error))

    def _names(self) -> str:
        """What the checkpoints are called, as a regular expression."""
        return re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+')

    def _best_names(self) -> str:
        return rf'best_[^/\\]+_{self._names()}'
