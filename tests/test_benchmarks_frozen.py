"""The benchmarks of several clips and of cached features run at small size."""

from pathlib import Path

from lengths import only_long
from mmaction.registry import MODELS

from benchmarks import batches, frozen, memory

pytestmark = only_long
CONFIG = str(Path(__file__).resolve().parent.parent / 'configs' / 'dferclip_dfew_frozen_cached.py')


def small(tiny_model):
    tiny_model.update(num_frames=16)
    tiny_model['neck'].update(max_frames=16)
    return MODELS.build(tiny_model)


def test_a_step_of_several_clips_is_measured(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, 'CLIPS', (1, 2))
    model = small(tiny_model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = {
        row.name: row
        for row in batches.batches(model, CONFIG, tmp_path / 'memory.svg', clips=2, rounds=2)
    }
    assert all(row.value > 0 for row in rows.values())
    assert rows['training, 2 clips ÷ image encoder'].target == '≤ 0.94'
    assert rows['cached step: reference full fine-tuning step ÷ cached, 2 clips'].target == '≥ 45'
    assert rows['cached step: loading ÷ cached'].value < 1
    assert {
        'training, seconds per frame, 64 frames ÷ 16',
        'training, seconds per clip, 2 clips ÷ 1',
    } <= set(rows)
    assert '</svg>' in (tmp_path / 'memory.svg').read_text()
    # Rates are too small for any change but that of the last bit.
    after = model.state_dict()
    after['neck.pos_embed'] = before['neck.pos_embed']  # longer afterwards
    assert all((before[name] - after[name]).abs().max() < 1e-6 for name in before)


def test_the_step_from_the_cache_leaves_the_encoder_alone(tiny_model, tmp_path):
    model = small(tiny_model)
    frozen.cached_runs(model, CONFIG, tmp_path, clips=2)['cached']()
    assert all(p.grad is None for p in model.backbone.parameters())
    assert model.cls_head.prompt_learner.context.grad is not None
