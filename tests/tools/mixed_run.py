"""What each process of a run saw: MMEngine logs the first one's losses only."""

from __future__ import annotations

import json
import os
from itertools import chain
from pathlib import Path

from mmaction.registry import HOOKS
from mmengine.hooks import Hook


@HOOKS.register_module()
class WriteLosses(Hook):
    """Writes the losses and the clips of every step, a file for each process."""

    def before_run(self, runner) -> None:
        self.losses, self.clips = [], []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.losses.append(float(outputs['loss_cls'].detach()))
        self.clips.append([sample.sample_idx for sample in data_batch['data_samples']])

    def after_run(self, runner) -> None:
        path = Path(runner.work_dir) / f'rank_{os.environ.get("RANK", "0")}.json'
        path.write_text(json.dumps(dict(losses=self.losses, clips=self.clips)))


def seen(folder: str) -> tuple[list[float], list[list[int]]]:
    """The mean loss over the processes, and the clips that all of them saw, for every step.

    What MMEngine logs is the first process's loss, of its own clips.
    """
    ranks = [json.loads(path.read_text()) for path in sorted(Path(folder).glob('rank_*.json'))]
    losses = [sum(step) / len(step) for step in zip(*(r['losses'] for r in ranks), strict=True)]
    clips = [sorted(chain(*step)) for step in zip(*(r['clips'] for r in ranks), strict=True)]
    return losses, clips
