"""The benchmark of cached features runs at small size."""

from pathlib import Path

from mmaction.registry import MODELS

from benchmarks import frozen

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'


def test_a_step_from_the_cache_costs_less_than_a_full_one(tiny_model):
    tiny_model.update(num_frames=16)
    tiny_model['neck'].update(max_frames=16)
    model = MODELS.build(tiny_model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = frozen.frozen(model, str(CONFIGS / 'dferclip_dfew_cached.py'), clips=2, rounds=2)
    _, plain, loading = rows
    assert plain.bar == '≥ 45'
    assert all(row.value > 0 for row in rows)
    assert loading.value < 1
    # Rates are too small for any change but that of the last bit.
    after = model.state_dict()
    assert all((before[name] - after[name]).abs().max() < 1e-6 for name in before)


def test_the_step_from_the_cache_leaves_the_encoder_alone(tiny_model, tmp_path):
    tiny_model.update(num_frames=16)
    tiny_model['neck'].update(max_frames=16)
    load = frozen.cached_loader(str(CONFIGS / 'dferclip_dfew_cached.py'), tmp_path, 32, 2)
    batches = [load(), load()]
    assert [clip.shape for batch in batches for clip in batch['inputs']] == [(16, 32)] * 4
    assert not (batches[0]['inputs'][0] == batches[1]['inputs'][0]).all()
