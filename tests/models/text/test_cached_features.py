import copy

import pytest
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


@pytest.mark.parametrize('trained', [True, False])
def test_a_parameter_that_is_written_through_its_data(trained):
    memo, calls = TensorMemo(), []
    source = torch.nn.Parameter(torch.ones(3), requires_grad=trained)
    counted(memo, source, calls)
    source.data.copy_(torch.zeros(3))
    assert counted(memo, source, calls) == 0
    assert counted(memo, source, calls) == 0
    assert len(calls) == 2


def test_tensors_of_the_inference_mode():
    memo, calls = TensorMemo(), []
    with torch.inference_mode():
        source = torch.ones(3)
    assert counted(memo, source, calls) == counted(memo, source, calls) == 3
    with torch.inference_mode():
        source.mul_(2)
        assert counted(memo, source, calls) == 6
    assert len(calls) == 2
