"""A run that is interrupted and resumed ends as if it had not been; workers do not matter."""

import math

import pytest
import torch
from lengths import LONG
from resume_cells import EPOCHS, Cell, differences, equal, matrix, run
from small_runs import write_corpora

# Each model, feature, number of workers and of processes, and the pairs that share machinery.
SHORT = [
    Cell('DFER-CLIP', 'augmentation', 2, 2),
    Cell('DFER-CLIP', 'dropout', 0, 2),
    Cell('DFER-CLIP', 'bf16', 2, 1),
    Cell('EmoCLIP', 'augmentation', 0, 1),
    Cell('EmoCLIP', 'EMA', 2, 1),
    Cell('EmoCLIP', 'schedule', 0, 2),
]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_corpora(root)
    return root


@pytest.mark.promise('Resuming', '4 epochs equal 2 + 2 epochs in new processes, bitwise')
@pytest.mark.parametrize('cell', matrix() if LONG else SHORT, ids=str)
def test_four_epochs_are_two_and_two(cell, data, tmp_path):
    straight, halves = tmp_path / 'straight', tmp_path / 'halves'
    whole = run(cell, data, straight)
    half = run(cell, data, halves, stop=EPOCHS // 2)
    rest = run(cell, data, halves, resume=True)
    assert half == [count // 2 for count in whole]
    assert rest == whole
    last = f'epoch_{EPOCHS}.pth'
    found, tensors = differences(straight / last, halves / last)
    assert found == []
    assert tensors > 30
    best = [path.name for path in straight.glob('best_*')]
    assert best == [path.name for path in halves.glob('best_*')]
    assert len(best) == 1
    assert differences(straight / best[0], halves / best[0])[0] == []


@pytest.mark.promise('Resuming', 'The number of workers changes nothing')
def test_workers_do_not_matter(data, tmp_path):
    """Whole checkpoints of runs with 0, 1, 2 and 4 workers."""
    counts = (0, 1, 2, 4) if LONG else (0, 2)
    for workers in counts:
        run(Cell('DFER-CLIP', 'augmentation', workers, 1), data, tmp_path / str(workers))
    for workers in counts[1:]:
        last = f'epoch_{EPOCHS}.pth'
        found, tensors = differences(tmp_path / '0' / last, tmp_path / str(workers) / last)
        assert found == []
        assert tensors > 30


def test_a_difference_is_seen(data, tmp_path):
    """The comparison above could fail: with another seed, nearly everything differs."""
    cell = Cell('DFER-CLIP', 'augmentation', 0, 1)
    run(cell, data, tmp_path / 'one')
    run(cell, data, tmp_path / 'two', seed=2)
    found, tensors = differences(*(tmp_path / name / 'epoch_1.pth' for name in ('one', 'two')))
    assert sum('.state_dict.' in name for name in found) > tensors // 8


@pytest.mark.parametrize(
    ('one', 'two'), [(math.nan, 1.0), (1.0, math.nan), (math.inf, -math.inf), ({}, 1), ([], {})]
)
def test_nan_and_nothing_differ_from_values(one, two, tmp_path):
    for name, value in (('one', one), ('two', two)):
        torch.save({'meta': {'value': value}}, tmp_path / name)
    assert differences(tmp_path / 'one', tmp_path / 'two')[0] == ['.meta.value']
    assert differences(tmp_path / 'one', tmp_path / 'one')[0] == []


def test_what_is_empty_is_not_what_is_missing(tmp_path):
    torch.save({'meta': {'hooks': {}}}, tmp_path / 'one')
    torch.save({'meta': {}}, tmp_path / 'two')
    assert differences(tmp_path / 'one', tmp_path / 'two')[0] == ['.meta', '.meta.hooks']
    assert equal(math.nan, math.nan)
