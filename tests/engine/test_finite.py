"""Values that are no numbers, and the clips of a batch."""

import math

import pytest
import torch
from mmaction.structures import ActionDataSample

from dferclip_mm.engine.finite import clips_in, not_finite, tensors_in


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_each_kind_is_found(dtype):
    tensors = {
        'good': torch.tensor([[1.0, -2.0]], dtype=dtype),
        'largest': torch.full((9,), torch.finfo(dtype).max, dtype=dtype),
        'nan': torch.tensor([0.0, math.nan, 1.0], dtype=dtype),
        'inf': torch.tensor([[math.inf]], dtype=dtype),
        'minus': torch.tensor(-math.inf, dtype=dtype),
        'empty': torch.empty(0, dtype=dtype),
        'whole': torch.tensor([1, 2]),
        'truth': torch.tensor([True]),
    }
    assert not_finite(tensors.items()) == ['nan', 'inf', 'minus']


def test_tensors_are_found_by_their_keys():
    one = torch.ones(1)
    content = {'state': {0: {'momentum': one}}, 'groups': [{'lr': 1.0, 'w': (one, None)}]}
    assert [name for name, _ in tensors_in(content)] == ['state.0.momentum', 'groups.0.w.0']


class Listed:
    """A data set of two clips."""

    items = (
        dict(filename='/a/1', ann_file='/lists/train.csv', ann_line=2),
        dict(filename='/a/2'),
    )

    def __len__(self):
        return len(self.items)

    def get_data_info(self, index):
        return self.items[index]


def test_clips_are_named_as_far_as_they_are_known():
    samples = [ActionDataSample(metainfo=info) for info in ({'filename': '/a/2'}, {})]
    samples.append(ActionDataSample(metainfo={'filename': '/a/1'}))
    found = clips_in({'data_samples': samples}, Listed())
    assert found[0] == '/a/2'
    assert 'meta_keys' in found[1]
    assert found[2] == '/a/1 (/lists/train.csv:2)'
    assert clips_in({'data_samples': samples[:1]}, object()) == ['/a/2']
    assert clips_in([1, 2], Listed()) == []
