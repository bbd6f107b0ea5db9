"""Training in bfloat16 as configs ask for it; fused optimizers."""

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper


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
