"""Training in bfloat16 as configs ask for it; fused optimizers."""

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper
from small_runs import small_config, start


def losses(model, bfloat16, steps=3):
    """Of a few steps on one batch, in bfloat16 or not."""
    amp = dict(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=dict(enabled=False))
    optimizer = dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=1e-4)
    wrapper = build_optim_wrapper(model, dict(optimizer=optimizer, **(amp if bfloat16 else {})))
    frames = torch.randint(0, 256, (2, 4, 3, 32, 32), dtype=torch.uint8)
    samples = [ActionDataSample().set_gt_label(label) for label in range(2)]
    batch = dict(inputs=list(frames), data_samples=samples)
    return [model.train_step(batch, wrapper)['loss'].item() for _ in range(steps)]


def test_training_in_bfloat16_runs_on_the_cpu(tiny_model):
    found, seen = {}, []
    for bfloat16 in (False, True):
        torch.manual_seed(0)
        model = MODELS.build(tiny_model).train()
        model.backbone.register_forward_hook(lambda *args: seen.append(args[-1].dtype))
        found[bfloat16] = losses(model, bfloat16)
    assert seen == [torch.float32] * 3 + [torch.bfloat16] * 3
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert found[True] == pytest.approx(found[False], abs=0.5)  # logits come to a hundred here
    assert found[True][-1] < found[True][0]


def test_two_accumulated_halves_make_the_step_of_the_whole(tiny_model):
    """As ``optim_wrapper.accumulative_counts=2``."""
    frames = torch.randint(0, 256, (4, 4, 3, 32, 32), dtype=torch.uint8)
    samples = [ActionDataSample().set_gt_label(label) for label in range(4)]
    optimizer = dict(type='SGD', lr=1e-4)
    after = []
    for count in (1, 2):
        torch.manual_seed(0)
        model = MODELS.build(tiny_model).train()
        settings = dict(optimizer=optimizer, accumulative_counts=count)
        wrapper = build_optim_wrapper(model, settings)
        wrapper.initialize_count_status(model, 0, count)
        for half in range(count):
            rows = slice(half * 4 // count, (half + 1) * 4 // count)
            batch = dict(inputs=list(frames[rows]), data_samples=samples[rows])
            model.train_step(batch, wrapper)
        after.append(torch.cat([weight.detach().flatten() for weight in model.parameters()]))
    torch.testing.assert_close(*after, atol=1e-6, rtol=1e-5)


def test_a_config_asks_for_tf32(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, 'set_float32_matmul_precision', asked.append)
    start(small_config('toy', work_dir=tmp_path, float32_matmul_precision='high'))
    assert asked == ['high']
    with pytest.raises(ValueError, match="float32_matmul_precision='tf32': expected highest"):
        start(small_config('toy', work_dir=tmp_path, float32_matmul_precision='tf32'))


def scaled_steps(weight, optimizer, factors):
    """Steps of a scaled loss whose gradient is each of the factors."""
    scaler = torch.amp.GradScaler('cpu', init_scale=2.0**10)
    for factor in factors:
        optimizer.zero_grad()
        scaler.scale((factor * weight).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    return weight.detach()


def one_weight(kind, **settings):
    weight = torch.nn.Parameter(torch.ones(4))
    return weight, kind([weight], lr=0.1, **settings)


KINDS = pytest.mark.parametrize(
    ('kind', 'settings'),
    [(torch.optim.SGD, dict(momentum=0.9)), (torch.optim.AdamW, {})],
    ids=['SGD', 'AdamW'],
)


@KINDS
def test_a_run_that_began_without_fused_steps_continues_with_them_in_the_config(
    kind, settings, monkeypatch
):
    expected = scaled_steps(*one_weight(kind, **settings), [1.0, 2.0, 3.0, 4.0])
    first, before = one_weight(kind, **settings)
    scaled_steps(first, before, [1.0, 2.0])

    def resume():
        weight, optimizer = one_weight(kind, fused=True, **settings)
        weight.data.copy_(first.data)
        optimizer.load_state_dict(before.state_dict())
        return scaled_steps(weight, optimizer, [3.0, 4.0])

    torch.testing.assert_close(resume(), expected)
    # Without the remedy of compat.py.
    for owner in {torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW}:
        monkeypatch.delattr(owner, '_step_supports_amp_scaling')
    with pytest.raises(AssertionError):
        resume()


@pytest.fixture
def unset_memory_is_nan():
    """So that a tensor which nobody sets shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)


@KINDS
def test_an_overflow_in_the_first_step_of_all_is_skipped(
    kind, settings, unset_memory_is_nan, monkeypatch
):
    factors = [1e38, 1.0, 2.0]
    expected = scaled_steps(*one_weight(kind, **settings), factors)
    assert (expected < 1).all()
    found = scaled_steps(*one_weight(kind, fused=True, **settings), factors)
    torch.testing.assert_close(found, expected)
    if kind is torch.optim.SGD:
        # Without the remedy of compat.py; where this fails, PyTorch needs it no longer.
        monkeypatch.delattr(torch.optim.SGD, '_step_supports_amp_scaling')
        assert scaled_steps(*one_weight(kind, fused=True, **settings), factors).isnan().all()
