import copy

import torch

from dferclip_mm.models.text import TensorMemo


def counted(memo, source, calls):
    def compute():
        calls.append(1)
        return source.sum()

    return memo.get([source], compute)


def test_computed_once_until_the_source_changes():
    memo, calls, source = TensorMemo(), [], torch.ones(3)
    assert counted(memo, source, calls) == counted(memo, source, calls) == 3
    assert len(calls) == 1
    source.add_(1)
    assert counted(memo, source, calls) == 6
    source.data = torch.zeros(3)
    assert counted(memo, source, calls) == 0
    assert counted(memo, torch.ones(3), calls) == 3
    assert len(calls) == 4


def test_forgotten_on_demand_and_in_copies():
    memo, calls, source = TensorMemo(), [], torch.ones(3)
    counted(memo, source, calls)
    counted(copy.deepcopy(memo), source, calls)
    memo.forget()
    counted(memo, source, calls)
    assert len(calls) == 3


def test_more_or_fewer_sources_count_as_a_change():
    memo, a, b = TensorMemo(), torch.ones(1), torch.ones(1)
    assert memo.get([a], lambda: torch.tensor(1)) == 1
    assert memo.get([a, b], lambda: torch.tensor(2)) == 2
    assert memo.get([b], lambda: torch.tensor(3)) == 3
