"""How AtomicCheckpointHook chooses, keeps and removes checkpoints."""

import errno
import os
from pathlib import Path
from typing import Any

from killing import config, train
from processes import in_fork


def _go(
    folder: Path, name: str, *, resume: bool = False, epochs: int = 3, seed: int = 2, **hook: Any
) -> str:
    """A run whose checkpoint hook has other settings; what it said."""

    def child() -> None:
        cfg = config(folder / 'run', keep=1, randomness__seed=seed)
        cfg.train_cfg.max_epochs = epochs
        cfg.default_hooks.checkpoint.update(hook)
        train(cfg, resume=resume)

    log = folder / f'{name}.txt'
    assert in_fork(child, log) == 0, log.read_text()[-3000:]
    return log.read_text()


def _best(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / 'run').glob('best_*'))


def test_another_filename_tmpl_is_obeyed(tmp_path: Path) -> None:
    """The best of the first run is replaced, and temporary files of a killed run are removed."""
    names = dict(filename_tmpl='state_{}.ckpt')
    _go(tmp_path, 'first', epochs=2, **names)
    run = tmp_path / 'run'
    before = _best(tmp_path)
    for name in ('state_9.ckpt.tmp', f'{before[0]}.tmp', 'mine.tmp'):
        (run / name).touch()
    _go(tmp_path, 'second', resume=True, epochs=3, **names)
    assert _best(tmp_path) == ['best_dfer_WAR_state_3.ckpt'] != before
    assert sorted(path.name for path in run.glob('state_*')) == ['state_3.ckpt']
    assert [path.name for path in run.glob('*.tmp')] == ['mine.tmp']


def _refusing(name: str) -> None:
    """Nothing of that name is removed in this process."""
    for function in ('remove', 'unlink'):
        real = getattr(os, function)

        def refuse(path: Any, *args: Any, _real: Any = real, **settings: Any) -> None:
            if os.fspath(path).endswith(name):
                raise OSError(errno.EIO, 'Input/output error')
            _real(path, *args, **settings)

        setattr(os, function, refuse)


def test_an_old_checkpoint_that_cannot_be_removed_is_tried_again(tmp_path: Path) -> None:
    run, log = tmp_path / 'run', tmp_path / 'log.txt'

    def child(resume: bool) -> None:
        _refusing('epoch_1.pth')
        cfg = config(run, keep=1, randomness__seed=2)
        cfg.train_cfg.max_epochs = 4 if resume else 3
        train(cfg, resume=resume)

    for resume, last in ((False, 3), (True, 4)):
        assert in_fork(lambda resume=resume: child(resume), log) == 0, log.read_text()[-3000:]
        assert f'{run}/epoch_1.pth is outdated and could not be removed' in log.read_text()
        names = {path.name for path in run.glob('epoch_*')}
        assert names == {'epoch_1.pth', f'epoch_{last}.pth'}
        log.unlink()
    _go(tmp_path, 'third', resume=True, epochs=5)
    assert [path.name for path in run.glob('epoch_*')] == ['epoch_5.pth']
