"""A process that dies stops the others, with a message; restarted runs end the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparing import differences
from lengths import LONG, only_long
from small_runs import finish, launch, small_config

PROCESSES = 2 if LONG else 1
# Steps of an epoch: 30 points in batches of 5.
EPOCH = 6 // PROCESSES


@pytest.fixture(autouse=True)
def _config(work_dir: Path) -> None:
    """The toy run with momentum and a schedule, in which a process may die."""
    cfg = small_config('toy', train_cfg__max_epochs=4, default_hooks__checkpoint__max_keep_ckpts=1)
    cfg.default_hooks.checkpoint.type = 'AtomicCheckpointHook'
    cfg.optim_wrapper.optimizer.momentum = 0.9
    cfg.param_scheduler = dict(type='MultiStepLR', milestones=[2], gamma=0.1)
    cfg.custom_hooks = [dict(type='DieOnce', rank=1, step=-1, way='kill')]
    cfg.dump('small.py')


def train(folder: str, *options: str, resume: bool = False, **environment: str) -> tuple[int, str]:
    """Train on 2 processes, or briefly on one: the exit code and the output."""
    words = ['--work-dir', folder, *['--resume'] * resume, '--cfg-options', 'randomness.seed=0']
    words += [f'custom_hooks.0.{option}' for option in options]
    return finish(launch('small.py', PROCESSES, *words, **environment))


@pytest.mark.promise(
    'Several processes', 'A killed process ends the others, and the last message names it'
)
@only_long
@pytest.mark.parametrize('rank', [0, 1])
def test_a_killed_process_stops_the_others(rank: int) -> None:
    code, said = train('run', 'step=4', f'rank={rank}')
    assert code == 1
    # What torchrun prints last: the process that failed first.
    cause = ' '.join(said.rsplit('Root Cause', 1)[1].split())
    assert f'rank : {rank}' in cause
    assert 'Signal 9 (SIGKILL)' in cause
    assert [path.name for path in Path('run').glob('epoch_*.pth')] == ['epoch_1.pth']


# Within an epoch; at the first step of all; just after a checkpoint.
DEATHS = [(PROCESSES - 1, EPOCH + 1, 1)]
if LONG:
    DEATHS += [(0, 0, 2), (1, 2 * EPOCH, 1)]


@pytest.mark.promise(
    'Several processes', '`MAX_RESTARTS` with `--resume` ends bitwise equal to an undisturbed run'
)
@pytest.mark.parametrize(('rank', 'step', 'times'), DEATHS)
def test_a_restarted_run_ends_bitwise_equal(rank: int, step: int, times: int) -> None:
    options = (f'rank={rank}', f'step={step}', f'times={times}')
    code, said = train('again', *options, resume=True, MAX_RESTARTS='2')
    assert code == 0, said[-3000:]
    assert Path('again/died').read_text() == str(times)
    assert Path('again/epoch_4.pth').is_file()
    if not LONG:
        return
    # The same config, with the deaths behind it.
    Path('straight').mkdir()
    Path('straight/died').write_text(str(times))
    assert train('straight', *options)[0] == 0
    assert differences(Path('straight/epoch_4.pth'), Path('again/epoch_4.pth')) == []


def test_restarts_without_resume_are_refused() -> None:
    code, said = train('run', 'step=4', MAX_RESTARTS='2')
    assert code == 2
    assert said.strip().endswith('would train from the beginning')
    assert not Path('run').exists()
