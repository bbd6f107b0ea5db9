"""The benchmarks of several clips, of cached features and of a GPU run at small size."""

from lengths import only_long
from mmaction.registry import MODELS
from mmengine.config import Config
from small_runs import CONFIGS

from benchmarks import batches, gpu, memory

pytestmark = only_long


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


def test_the_gpu_part_runs_on_the_cpu(tiny_model, tmp_path):
    cfg = Config.fromfile(CONFIGS / 'dferclip_dfew.py')
    for step in cfg.train_pipeline:
        step.update(
            {key: 4 if key == 'num_frames' else 32 for key in step if key in ('num_frames', 'size')}
        )
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
