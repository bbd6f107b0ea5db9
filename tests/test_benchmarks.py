"""The benchmarks count what they say, and run at small size."""

from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS

from benchmarks import data, models
from benchmarks.measure import flops, interleaved, ratio, saved_bytes

ROOT = Path(__file__).resolve().parent.parent


def test_ratio_is_the_median_of_pairs():
    assert ratio([2.0, 6.0, 30.0], [1.0, 2.0, 3.0]) == 3.0


def test_every_other_round_is_reversed():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in 'ab'}
    found = interleaved(runs, rounds=3)
    assert ''.join(order) == 'ab' + 'ab' + 'ba' + 'ab'
    assert [len(times) for times in found.values()] == [3, 3]


def test_saved_bytes_leave_weights_out_and_count_storages_once():
    layer = torch.nn.Linear(8, 4)
    x = torch.randn(10, 8, requires_grad=True)
    # The layer keeps x, of 320 bytes; the exponential keeps its own answer, of 160.
    assert saved_bytes(lambda: layer(x).exp(), layer.parameters()) == 320 + 160
    assert saved_bytes(lambda: (x * x, x[:5] * 2, x.square()), []) == 320


def test_flops_of_a_product():
    assert flops(lambda: torch.randn(3, 5) @ torch.randn(5, 7)) == 2 * 3 * 5 * 7


@pytest.fixture
def model(tiny_model):
    return MODELS.build(tiny_model)


def test_equality_rows(model):
    logits, gradients = models.equality(models.Case(model.train(), 2, 4))
    assert logits.value < 1e-4
    assert gradients.value < 1e-3


def test_every_saving_keeps_less_than_the_one_before(model):
    found = models.memory(model, frames=4)
    assert list(found) == ['plain way', 'ours', 'lean', 'checkpointing']
    assert sorted(found.values(), reverse=True) == list(found.values())
    # Positions are made for more frames than the model was built for.
    assert models.memory(model, frames=8)['ours'] > found['ours']


def test_plain_loading_has_the_shape_of_the_pipelines(tmp_path):
    folders = data.draw_clips(tmp_path, clips=2)
    assert data.pillow_load(folders).shape == (2, 16, 3, 224, 224)
    batch = data.load(data.pipeline(str(ROOT / 'configs' / 'dferclip_dfew.py')), folders)
    assert [clip.shape for clip in batch['inputs']] == [(16, 3, 224, 224)] * 2
    assert {clip.dtype for clip in batch['inputs']} == {torch.uint8}
