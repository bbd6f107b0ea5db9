"""The benchmarks count what they say, run at small size, and the counted bars hold at true size."""

import pytest
import torch
from lengths import only_long
from mmaction.registry import MODELS
from mmengine.config import Config
from small_runs import CONFIGS, shrink_steps

from benchmarks import batches, corpus, data, gpu, memory, models, own_video, pillow
from benchmarks.measure import saved_bytes

CONFIG = str(CONFIGS / 'dferclip_dfew.py')


def test_saved_bytes_leave_weights_out_and_count_storages_once():
    layer = torch.nn.Linear(8, 4)
    x = torch.randn(10, 8, requires_grad=True)
    # The layer keeps x, of 320 bytes; the exponential keeps its own answer, of 160.
    assert saved_bytes(lambda: layer(x).exp(), layer.parameters()) == 320 + 160
    assert saved_bytes(lambda: (x * x, x[:5] * 2, x.square()), []) == 320


@pytest.fixture
def model(tiny_model):
    return MODELS.build(tiny_model)


def test_the_fast_model_equals_the_plain_one_within_its_bars(model):
    for row in models.equality(models.Case(model.train(), 2, 4)):
        assert row.target
        assert row.is_met, row


def test_arithmetic_holds_its_bar_at_true_shapes():
    (row,) = models.arithmetic(CONFIG)
    assert row.target == '≤ 0.95'
    assert row.is_met, row


def test_memory_holds_its_bars_at_true_shapes():
    one = memory.saved_mib(models.build(CONFIG))
    rows = memory.memory_rows(one, one, 1)
    assert [row.target for row in rows if row.target] == ['≤ 0.82', '≤ 0.55', '≤ 0.10']
    for row in rows:
        assert row.is_met, row


def test_every_saving_keeps_less_than_the_one_before(model):
    found = memory.saved_mib(model, frames=4)
    assert list(found) == ['reference', 'ours', 'checkpoint_mlp', 'checkpointing']
    assert sorted(found.values(), reverse=True) == list(found.values())
    # Positions are made for more frames than the model was built for.
    assert memory.saved_mib(model, frames=8)['ours'] > found['ours']


def test_plain_loading_has_the_shape_of_the_pipelines(tmp_path):
    folders = corpus.write_corpus(tmp_path, clips=2)
    assert data.pillow_load(folders).shape == (2, pillow.FRAMES, 3, 224, 224)
    settings = Config.fromfile(CONFIG).train_dataloader.dataset
    for kind in (corpus.CLIPS, 'packed', 'videos'):
        batch = data.load(data.Seeded(corpus.open_corpus(settings, tmp_path, kind)))
        assert [clip.shape for clip in batch['inputs']] == [(16, 3, 224, 224)] * 2
        assert {clip.dtype for clip in batch['inputs']} == {torch.uint8}


def test_every_face_that_is_sampled_is_encoded_once_at_true_shapes(tmp_path, monkeypatch):
    monkeypatch.setattr(own_video, 'ROUNDS', 1)
    threads = torch.get_num_threads()
    try:
        rows = own_video.speed(CONFIG, tmp_path, seconds=1)
    finally:
        torch.set_num_threads(threads)
    found = {row.name.partition(': ')[2]: row.value for row in rows}
    assert found['frames through the image encoder ÷ faces that are sampled'] == 1
    shares = [value for name, value in found.items() if name.startswith('share of ')]
    assert len(shares) == 4
    assert 0 < sum(shares) < 1


@only_long
def test_steps_of_several_clips_and_from_a_cache_are_measured(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, 'CLIPS', (1, 2))
    tiny_model.update(num_frames=16)
    tiny_model['neck'].update(max_frames=16)
    model, config = MODELS.build(tiny_model), str(CONFIGS / 'dferclip_dfew_frozen_cached.py')
    found = batches.batches(model, config, tmp_path / 'memory.svg', clips=2, rounds=2)
    rows = {row.name: row for row in found}
    assert all(row.value > 0 for row in rows.values())
    assert rows['training, 2 clips ÷ image encoder'].target == '≤ 0.94'
    assert rows['cached step: reference full fine-tuning step ÷ cached, 2 clips'].target == '≥ 45'
    assert rows['cached step: loading ÷ cached'].value < 1
    assert '</svg>' in (tmp_path / 'memory.svg').read_text()


@only_long
def test_the_gpu_part_runs_on_the_cpu(tiny_model, tmp_path):
    cfg = Config.fromfile(CONFIG)
    shrink_steps(cfg.train_pipeline)
    cfg.dump(tmp_path / 'config.py')
    (tmp_path / 'clips').mkdir()
    model, config = MODELS.build(tiny_model), str(tmp_path / 'config.py')
    sizes = dict(device='cpu', clips=2, frames=4, rounds=2, workers=0)
    rows = gpu.rows(model, config, tmp_path / 'clips', **sizes)
    assert len({row.name for row in rows}) == len(rows) == 6 * len(gpu.PRECISIONS)
    for row in rows:
        assert row.value > 0 or 'GiB' in row.name, row.name
        # Without workers all loading is waited for.
        assert 'waiting' not in row.name or row.value < 1
