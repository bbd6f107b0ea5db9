"""Training in bfloat16 as configs ask for it; fused optimizers."""

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper


def batch(clips=2):
    generator = torch.Generator().manual_seed(0)
    return dict(
        inputs=[
            torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8, generator=generator)
            for _ in range(clips)
        ],
        data_samples=[ActionDataSample().set_gt_label(label) for label in range(clips)],
    )


def losses(model, wrapper, step=None, steps=3):
    step = step or model.train_step
    return [step(batch(), wrapper)['loss'].item() for _ in range(steps)]


SGD = dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=1e-4)


@pytest.fixture
def build(tiny_model):
    def build_both(seed=0, optimizer=SGD, **kwargs):
        torch.manual_seed(seed)
        model = MODELS.build(tiny_model).train()
        return model, build_optim_wrapper(model, dict(optimizer=optimizer, **kwargs))

    return build_both


def test_training_in_bfloat16_runs_on_the_cpu(build):
    expected = losses(*build())
    model, wrapper = build(type='AmpOptimWrapper', dtype='bfloat16', loss_scale=dict(enabled=False))
    seen = []
    model.backbone.register_forward_hook(lambda *args: seen.append(args[-1].dtype))
    found = losses(model, wrapper)
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert found == pytest.approx(expected, abs=0.5)  # logits come to a hundred here
    assert found[-1] < found[0]


@pytest.mark.parametrize(
    'optimizer', [SGD, dict(type='AdamW', lr=1e-4, weight_decay=1e-2)], ids=['SGD', 'AdamW']
)
def test_fused_steps_are_the_default_ones_and_go_on_after_resuming(build, optimizer):
    rates = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=1e-3)}))
    expected = losses(*build(optimizer=optimizer, **rates), steps=4)
    fused = dict(optimizer, fused=True)
    model, wrapper = build(optimizer=fused, **rates)
    found = losses(model, wrapper, steps=2)
    weights, state = model.state_dict(), wrapper.state_dict()
    resumed, other = build(seed=1, optimizer=fused, **rates)
    resumed.load_state_dict(weights)
    other.load_state_dict(state)
    found += losses(resumed, other, steps=2)
    assert found == pytest.approx(expected, rel=1e-5)


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
def test_a_run_that_began_without_fused_steps_goes_on_with_them_in_the_config(
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
    yield
    torch.use_deterministic_algorithms(False)


@KINDS
def test_an_overflow_in_the_first_step_of_all_is_skipped(
    kind, settings, unset_memory_is_nan, monkeypatch
):
    assert torch.utils.deterministic.fill_uninitialized_memory
    factors = [1e38, 1.0, 2.0]
    expected = scaled_steps(*one_weight(kind, **settings), factors)
    assert (expected < 1).all()
    found = scaled_steps(*one_weight(kind, fused=True, **settings), factors)
    torch.testing.assert_close(found, expected)
    if kind is torch.optim.SGD:
        # Without the remedy of compat.py; where this fails, PyTorch needs it no longer.
        monkeypatch.delattr(torch.optim.SGD, '_step_supports_amp_scaling')
        assert scaled_steps(*one_weight(kind, fused=True, **settings), factors).isnan().all()
