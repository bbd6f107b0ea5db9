"""The findings of several datasets together."""

import pytest

from dferclip_mm.dataset_check import compare, find_openers, inspect_clips, read_split


def examine_all(*named, fold=None):
    """The splits of (dataloader, settings), and all findings."""
    splits, findings = [], []
    for name, settings in named:
        split, wrong = read_split(settings, name, fold)
        findings += wrong
        splits += [split] if split is not None else []
    reports = {each.path: each for each in inspect_clips([*find_openers(splits).items()], 0)}
    return splits, list(dict.fromkeys([*findings, *compare(splits, reports)]))


@pytest.fixture
def examine():
    return examine_all


@pytest.fixture
def scores(tmp_path, frames):
    """Settings of scores for four clips; the test writes their CSV."""
    for number, name in enumerate('abcd'):
        frames(tmp_path / f'data/clips/{name}', number + 2)
    return dict(
        type='ClipListDataset',
        columns=dict(path='clip', label=None, scores=['pain']),
        data_root=str(tmp_path / 'data'),
        ann_file='scores.csv',
        data_prefix=dict(clips='clips'),
        pipeline=[dict(type='ClipInit'), dict(type='SampleSegments', num_frames=2)],
    )
