from __future__ import annotations

from pathlib import Path

import pytest

from dferclip_mm.engine.sweep import find_combinations


def test_every_combination_has_its_folder_and_settings() -> None:
    found = find_combinations(
        ['a.lr=0.1,0.01', 'model.size=[1,2],[3,4]', 'b.lr=x'], Path('w'), fold=2
    )
    assert [one.name for one in found] == [
        'a.lr=0.1+size=_1_2_+b.lr=x',
        'a.lr=0.1+size=_3_4_+b.lr=x',
        'a.lr=0.01+size=_1_2_+b.lr=x',
        'a.lr=0.01+size=_3_4_+b.lr=x',
    ]
    (run,) = found[1].runs
    assert run.work_dir == found[1].folder == Path('w', found[1].name)
    assert run.fold == 2
    assert run.settings == ['a.lr=0.1', 'model.size=[3,4]', 'b.lr=x']


def test_each_seed_is_a_run() -> None:
    (one,) = find_combinations(['model.depth=2'], Path('w'), seeds=[3, 4])
    assert [(str(run.work_dir), run.settings) for run in one.runs] == [
        ('w/depth=2/seed_3', ['model.depth=2', 'randomness.seed=3']),
        ('w/depth=2/seed_4', ['model.depth=2', 'randomness.seed=4']),
    ]


@pytest.mark.parametrize(
    ('grid', 'said'),
    [
        (['a=1', 'a=2'], 'a is given twice: write all its values as a=a,b,c'),
        (['a=1,1'], 'two combinations would have the folder a=1'),
    ],
)
def test_a_grid_with_equal_combinations_is_refused(grid: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find_combinations(grid, Path('w'))
