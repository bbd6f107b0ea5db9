"""The benchmark of a GPU, at small size on the CPU: precisions, and waiting for data."""

import time

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.dataset import pseudo_collate

from benchmarks import gpu, models

PIPELINE = [
    dict(type='ClipInit'),
    dict(type='SampleSegments', num_frames=4),
    dict(type='ClipDecode'),
    dict(type='ClipResize', size=32),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]


@pytest.fixture
def model(tiny_model):
    return MODELS.build(tiny_model).train()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f'train_pipeline = {PIPELINE}')
    return str(path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / 'clips'
    path.mkdir()
    return path


def test_the_gpu_part_runs_on_the_cpu_at_small_size(model, config, folder):
    rows = gpu.rows(model, config, folder, device='cpu', clips=2, frames=4, rounds=2, workers=0)
    names = [row.name for row in rows]
    assert len(set(names)) == len(names) == 6 * len(gpu.PRECISIONS)
    for row in rows:
        assert row.value > 0 or 'GiB' in row.name, row.name
    shares = [row.value for row in rows if 'waiting' in row.name]
    # Without workers all loading is waited for.
    assert all(0 < share < 1 for share in shares)


def test_precisions_are_put_back():
    before = torch.get_float32_matmul_precision()
    for products in ('high', 'highest'):
        with gpu.precision(products):
            assert torch.get_float32_matmul_precision() == products
    assert torch.get_float32_matmul_precision() == before


def cast_weight(model):
    """A weight that autocast casts: any other shows its changes all the same."""
    return model.backbone.visual.transformer.resblocks[0].attn.in_proj_weight


def test_weights_that_change_between_rounds_change_the_answers(model):
    """Autocast keeps its casts of weights until it is left: each round has to enter it anew."""
    products, dtype = gpu.PRECISIONS['bfloat16']
    case = models.Case(model, 2, 4)
    case.dtype = dtype
    weight = cast_weight(model)
    with gpu.precision(products):
        before = [run().detach() for run in (case.encoder, case.fast, case.plain)]
        assert before[0].dtype == torch.bfloat16
        with torch.no_grad():
            weight.mul_(4)
        after = [run().detach() for run in (case.encoder, case.fast, case.plain)]
    for old, new in zip(before, after, strict=True):
        assert not torch.equal(old, new)


def test_training_in_bfloat16_computes_with_the_weights_of_its_last_step(model):
    products, dtype = gpu.PRECISIONS['bfloat16']
    weight = cast_weight(model)
    step = gpu.train(model, torch.optim.SGD([weight], lr=1e3), 'cpu', dtype)
    model.eval()  # no dropout, so that nothing else differs
    with gpu.precision(products):
        first, second = step(one_batch()), step(one_batch())
    assert first != second


def one_batch():
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=generator)
    sample = ActionDataSample().set_gt_label(1)
    return pseudo_collate([dict(inputs=frames, data_samples=sample)] * 2)


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


def test_what_workers_hand_in_when_they_start_is_left_out(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(gpu.time, 'perf_counter', lambda: clock[0])
    first, number = gpu.batches_to_load(rounds=1, workers=2)
    assert (first, number) == (2 * gpu.PREFETCH, 2 * (gpu.PREFETCH + 2))

    def take(seconds):
        clock[0] += seconds

    def batches():
        take(100)  # all workers start, and have their first batches ready together
        yield from range(first)
        for batch in range(first, number):
            take(3)
            yield batch

    share = gpu.waiting_share(batches(), lambda batch: take(1), 'cpu', first)
    assert share == pytest.approx(0.75)


def slow(item):
    time.sleep(0.2)
    return item


def test_workers_that_are_too_slow_are_waited_for():
    first, batches = gpu.batches_to_load(rounds=8, workers=2)
    items = [dict(number=n) for n in range(batches)]
    loaded = gpu.loader(items, slow, clips=1, workers=2)
    share = gpu.waiting_share(loaded, lambda batch: time.sleep(0.02), 'cpu', first)
    # Two workers make ten batches a second, of fifty that the loop could take: 0.8, on a machine
    # where nothing else holds up the loop.
    assert 0.3 < share < 1
