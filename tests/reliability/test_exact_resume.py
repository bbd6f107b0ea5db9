"""A run that is interrupted and resumed ends bitwise equal to an uninterrupted one."""

import pytest
from lengths import LONG, only_long
from resume_cells import EPOCHS, Cell, differences, matrix, run
from small_runs import write_corpora

SHORT = [
    Cell('DFER-CLIP', 'augmentation', 2, 2),
    Cell('DFER-CLIP', 'dropout', 0, 1),
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
def test_four_epochs_equal_two_and_two(cell, data, tmp_path):
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
@only_long
def test_the_number_of_workers_does_not_matter(data, tmp_path):
    counts = (0, 1, 2, 4)
    for workers in counts:
        run(Cell('DFER-CLIP', 'augmentation', workers, 1), data, tmp_path / str(workers))
    for workers in counts[1:]:
        last = f'epoch_{EPOCHS}.pth'
        found, tensors = differences(tmp_path / '0' / last, tmp_path / str(workers) / last)
        assert found == []
        assert tensors > 30
