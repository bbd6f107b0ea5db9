"""tools/sweep.py: its runs get their settings, are skipped when finished, and are compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def started(fake_programs: Callable[..., list[list[str]]]) -> list[list[str]]:
    """The programs that are started; a test with a rate of 0.1 is right, others are wrong."""

    def find_results(command: list[str]) -> dict:
        right = 'optim_wrapper.optimizer.lr=0.1' in command
        clips = [
            {'clip': f'/c/{number}', 'label': number % 2, 'predicted': (number + (not right)) % 2}
            for number in range(20)
        ]
        return {'classes': ['a', 'b'], 'clips': clips}

    return fake_programs(find_results)


def test_a_grid_is_run_once_and_compared_with_its_first_combination(
    started: list[list[str]],
    run_tool: Callable[..., None],
    toy_config: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grid = 'optim_wrapper.optimizer.lr=0.01,0.1'
    arguments = ('sweep', toy_config, grid, '--seeds', 1, 2, '--work-dir', 'w', '--batch-size', 5)
    run_tool(*arguments)
    lines = capsys.readouterr().out.splitlines()
    assert [command[0] for command in started] == ['train.py', 'test.py'] * 4
    assert started[2][-2:] == ['optim_wrapper.optimizer.lr=0.01', 'randomness.seed=2']
    assert 'test_evaluator.save_to=w/lr=0.1/seed_2/test_results.json' in started[7]
    assert any(line.split()[:4] == ['lr=0.01', '0.00', '±', '0.00'] for line in lines)
    assert any(line.split()[:4] == ['lr=0.1', '100.00', '±', '0.00*'] for line in lines)
    assert lines[-1].endswith('compare.py w/lr=0.01 w/lr=0.1 --format latex')
    started.clear()
    Path('w/lr=0.1/seed_2/test_results.json').unlink()
    run_tool(*arguments)
    assert [command[0] for command in started] == ['train.py', 'test.py']
    assert 'lr=0.01, seed 1: finished before' in capsys.readouterr().out


@pytest.mark.parametrize('earlier', [(), ('--seeds', 3)])
def test_runs_of_earlier_calls_with_other_seeds_are_not_compared(
    started: list[list[str]],
    run_tool: Callable[..., None],
    toy_config: str,
    capsys: pytest.CaptureFixture[str],
    earlier: tuple,
) -> None:
    arguments = ('sweep', toy_config, 'optim_wrapper.optimizer.lr=0.1,0.01', '--work-dir', 'w')
    run_tool(*arguments, *earlier)
    for old in Path('w').glob('**/test_results.json'):
        old.write_text(old.read_text().replace('"predicted": 1', '"predicted": 0'))
    capsys.readouterr()
    run_tool(*arguments, '--seeds', 1, 2)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:4] == ['lr=0.1', '100.00', '±', '0.00*'] for line in lines)
    assert 'also hold runs of earlier calls' in lines[-1]


def test_a_misspelt_key_is_refused_before_the_first_run(
    started: list[list[str]], run_tool: Callable[..., None], toy_config: str
) -> None:
    with pytest.raises(SystemExit, match=r'optim_wraper.*optim_wrapper'):
        run_tool('sweep', toy_config, 'optim_wraper.optimizer.lr=0.1,0.2')
    assert started == []
