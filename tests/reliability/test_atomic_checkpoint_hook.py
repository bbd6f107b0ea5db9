"""What the kill tests do not see of the hook that writes checkpoints."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import config, in_fork, train
from small_runs import start

from dferclip_mm.engine.hooks import AtomicCheckpointHook
from dferclip_mm.engine.run import friendly_errors


def test_validation_alone_saves_nothing(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    scores = start(config(tmp_path)).val()

    assert set(scores) >= {'dfer/UAR', 'dfer/WAR'}
    assert list(tmp_path.rglob('*.pth')) == []


def _go(
    folder: Path, name: str, *, resume: bool = False, epochs: int = 3, seed: int = 2, **hook: Any
) -> str:
    """A run whose checkpoint hook has other settings; what it said."""

    def child() -> None:
        cfg = config(folder / 'run', keep=1, seed=seed)
        cfg.train_cfg.max_epochs = epochs
        cfg.default_hooks.checkpoint.update(hook)
        train(cfg, resume=resume)

    log = folder / f'{name}.txt'
    assert in_fork(child, log) == 0, log.read_text()[-3000:]
    return log.read_text()


def _info(file: Path) -> dict:
    return torch.load(file, weights_only=True)['message_hub']['runtime_info']


def _best(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / 'run').glob('best_*'))


@pytest.mark.parametrize(
    'other',
    [
        dict(save_best='dfer/recall/low'),
        dict(rule='less'),
        dict(save_best=['dfer/UAR', 'dfer/recall/low']),
        dict(save_best='auto'),
    ],
    ids=['metric', 'rule', 'metrics', 'auto'],
)
def test_a_resumed_run_that_chooses_otherwise_begins_anew(other: dict, tmp_path: Path) -> None:
    """The best by WAR has more than any that comes: by the host's way nothing is better."""
    _go(tmp_path, 'first', epochs=2)
    before = _best(tmp_path)
    assert len(before) == 1
    said = _go(tmp_path, 'second', resume=True, epochs=3, **other)
    assert f'that by dfer/WAR (greater), of {tmp_path}/run/{before[0]} stays as it is' in said
    names = other.get('save_best', 'dfer/WAR')
    names = ['dfer/UAR'] if names == 'auto' else [names] if isinstance(names, str) else names
    found = set(_best(tmp_path))
    assert before[0] in found
    for name in names:
        mine = [each for each in found - set(before) if name.replace('/', '_') in each]
        assert len(mine) == 1
    info = _info(tmp_path / 'run/epoch_3.pth')
    assert info['best_chosen_by'] == dict.fromkeys(names, other.get('rule', 'greater'))
    # From there it goes on as ever.
    said = _go(tmp_path, 'third', resume=True, epochs=4, **other)
    assert 'stays as it is' not in said
    assert before[0] in _best(tmp_path)


def test_a_second_metric_keeps_the_best_of_the_first(tmp_path: Path) -> None:
    """With this seed the third epoch is no better than the second."""
    _go(tmp_path, 'first', epochs=2, seed=0)
    score = _info(tmp_path / 'run/epoch_2.pth')['best_score']
    both = ['dfer/WAR', 'dfer/recall/low']
    said = _go(tmp_path, 'second', resume=True, epochs=3, seed=0, save_best=both)
    assert 'stays as it is' not in said
    info = _info(tmp_path / 'run/epoch_3.pth')
    assert info['best_score_dfer/WAR'] == score
    assert 'best_score' not in info
    assert len(_best(tmp_path)) == 2


def test_checkpoints_of_another_ending_are_known_by_it(tmp_path: Path) -> None:
    """The best of the first run is replaced, and what a kill left is cleared away."""
    names = dict(filename_tmpl='state_{}.ckpt')
    _go(tmp_path, 'first', epochs=2, **names)
    run = tmp_path / 'run'
    before = _best(tmp_path)
    for name in ('state_9.ckpt.tmp', f'{before[0]}.tmp', 'preempted.pth.tmp', 'mine.tmp'):
        (run / name).touch()
    said = _go(tmp_path, 'second', resume=True, epochs=3, **names)
    assert 'is no name of a best checkpoint' not in said
    assert _best(tmp_path) == ['best_dfer_WAR_state_3.ckpt'] != before
    assert sorted(path.name for path in run.glob('state_*')) == ['state_3.ckpt']
    assert [path.name for path in run.glob('*.tmp')] == ['mine.tmp']


def _refusing(name: str) -> None:
    """Nothing of that name is removed in this process."""
    for function in ('remove', 'unlink'):
        real = getattr(os, function)

        def refuse(path: Any, *args: Any, _real: Any = real, **settings: Any) -> None:
            if name in os.fspath(path):
                raise OSError(errno.EIO, 'Input/output error')
            _real(path, *args, **settings)

        setattr(os, function, refuse)


def test_an_old_checkpoint_that_stays_does_not_end_the_run(tmp_path: Path) -> None:
    run, log = tmp_path / 'run', tmp_path / 'log.txt'

    def child(resume: bool) -> None:
        _refusing('epoch_1.pth')
        cfg = config(run, keep=1, seed=2)
        cfg.train_cfg.max_epochs = 4 if resume else 3
        train(cfg, resume=resume)

    for resume, last in ((False, 3), (True, 4)):
        assert in_fork(lambda resume=resume: child(resume), log) == 0, log.read_text()[-3000:]
        assert f'{run}/epoch_1.pth, which is outdated, could not be removed' in log.read_text()
        names = {path.name for path in run.glob('epoch_*')}
        assert names == {'epoch_1.pth', f'epoch_{last}.pth'}
        log.unlink()
    _go(tmp_path, 'third', resume=True, epochs=5)
    assert [path.name for path in run.glob('epoch_*')] == ['epoch_5.pth']


def test_a_class_without_clips_cannot_choose_the_best(tmp_path: Path) -> None:
    """Whether there are any is known after the first validation."""

    def child() -> None:
        cfg = config(tmp_path / 'run')
        # The first clip is of the first class.
        cfg.val_dataloader.dataset.size = 1
        cfg.default_hooks.checkpoint.save_best = 'dfer/recall/high'
        with friendly_errors():
            train(cfg)

    log = tmp_path / 'log.txt'
    assert in_fork(child, log) == 1
    assert 'KeyError' not in log.read_text()
    hook = AtomicCheckpointHook(save_best='dfer/recall/high', rule='greater')
    with pytest.raises(ValueError, match="save_best='dfer/recall/high' is none of what"):
        hook._save_best_checkpoint(None, {'dfer/WAR': 1.0})
