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
def examine_splits():
    return examine_all
