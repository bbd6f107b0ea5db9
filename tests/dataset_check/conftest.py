"""What the doctor makes of some data sets together."""

import pytest

from dferclip_mm.dataset_check import compare, find_openers, inspect_clips, read_split


def examine_all(*named, fold=None):
    """The parts of (dataloader, settings), and everything that is found."""
    parts, findings = [], []
    for name, settings in named:
        part, wrong = read_split(settings, name, fold)
        findings += wrong
        parts += [part] if part is not None else []
    facts = {each.path: each for each in inspect_clips([*find_openers(parts).items()], 0)}
    return parts, list(dict.fromkeys([*findings, *compare(parts, facts)]))


@pytest.fixture
def examine_parts():
    return examine_all
