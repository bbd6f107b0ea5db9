"""The benchmarks count what they say, and run at small size."""

import os
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch._subclasses.fake_tensor import FakeTensor

from benchmarks import data, gpu, measure, memory, models
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
    found = memory.kept(model, frames=4)
    assert list(found) == ['plain way', 'ours', 'lean', 'checkpointing']
    assert sorted(found.values(), reverse=True) == list(found.values())
    # Positions are made for more frames than the model was built for.
    assert memory.kept(model, frames=8)['ours'] > found['ours']


def test_what_is_kept_is_counted_without_numbers_as_with_them(model):
    case = models.Case(model.train(), 2, 4)
    tensors = [*model.parameters(), *model.buffers()]
    expected = {
        'plain way': saved_bytes(case.plain, tensors) / 2**20,
        'ours': saved_bytes(case.fast, tensors) / 2**20,
    }
    found = memory.kept(model, frames=4, clips=2)
    assert {name: found[name] for name in expected} == expected
    assert {p.device.type for p in model.parameters()} == {'cpu'}
    assert not any(isinstance(p, FakeTensor) for p in model.parameters())


def test_growth_is_drawn(model, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, 'FRAMES', (8, 16))
    monkeypatch.setattr(memory, 'CLIPS', (1, 2))
    rows = memory.growth(model, tmp_path / 'growth.svg')
    assert '</svg>' in (tmp_path / 'growth.svg').read_text()
    assert all(row.value > 0 for row in rows)


SMALL_PIPELINE = [
    dict(type='OpenClip'),
    dict(type='SampleSegments', num_frames=4),
    dict(type='DecodeClip'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]


def test_the_gpu_part_runs_on_the_cpu_at_small_size(model, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f'train_pipeline = {SMALL_PIPELINE}')
    (tmp_path / 'clips').mkdir()
    rows = gpu.rows(
        model,
        str(config),
        tmp_path / 'clips',
        device='cpu',
        clips=2,
        frames=4,
        rounds=2,
        workers=0,
    )
    names = [row.name for row in rows]
    assert len(set(names)) == len(names) == 6 * len(gpu.PRECISIONS)
    for row in rows:
        assert row.value > 0 or 'GiB' in row.name, row.name
    shares = [row.value for row in rows if 'waiting' in row.name]
    # Without workers all loading is waited for.
    assert all(0 < share < 1 for share in shares)


def test_precisions_are_put_back():
    before = torch.get_float32_matmul_precision()
    seen = {}
    for name in gpu.PRECISIONS:
        with gpu.precision(name, 'cpu'):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
            seen[name] = (torch.get_float32_matmul_precision(), product.dtype)
    assert seen == {
        'float32': ('highest', torch.float32),
        'TF32': ('high', torch.float32),
        'bfloat16': ('highest', torch.bfloat16),
    }
    assert torch.get_float32_matmul_precision() == before


def test_waiting_is_what_the_batches_take(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(gpu.time, 'perf_counter', lambda: clock[0])

    def take(seconds):
        clock[0] += seconds

    def batches():
        for _ in range(4):
            take(3)
            yield 1

    assert gpu.waiting_share(batches(), lambda batch: take(1), 'cpu') == pytest.approx(0.75)
    assert gpu.waiting_share([1, 2, 3], lambda batch: take(1), 'cpu') == 0


def test_plain_loading_has_the_shape_of_the_pipelines(tmp_path):
    folders = data.lay_out(tmp_path, clips=2)
    assert data.pillow_load(folders).shape == (2, 16, 3, 224, 224)
    settings = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py').train_dataloader.dataset
    for kind in (data.CLIPS, 'packed', 'videos'):
        batch = data.load(data.open_corpus(settings, tmp_path, kind))
        assert [clip.shape for clip in batch['inputs']] == [(16, 3, 224, 224)] * 2
        assert {clip.dtype for clip in batch['inputs']} == {torch.uint8}


def test_loading_is_measured_in_a_process_of_its_own():
    assert measure.apart(torch.get_num_threads) == 1
    assert measure.apart(os.getpid) != os.getpid()
