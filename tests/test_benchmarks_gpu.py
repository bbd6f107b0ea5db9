"""The benchmark of a GPU, at small size on the CPU: precisions, and waiting for data."""

import pytest
from lengths import only_long
from mmaction.registry import MODELS

from benchmarks import gpu

pytestmark = only_long
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
