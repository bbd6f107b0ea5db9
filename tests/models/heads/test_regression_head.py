import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


def build(**kwargs):
    cfg = dict(type='RegressionHead', targets=['brow', 'mouth'], in_channels=8, hidden_dim=4)
    return MODELS.build({**cfg, **kwargs})


def samples(*scores):
    made = [ActionDataSample() for _ in scores]
    for each, values in zip(made, scores, strict=True):
        each.set_field(values, 'scores')
    return made


def test_two_layers_and_a_rectifier():
    head = build()
    x = torch.randn(3, 8)
    state = head.state_dict()
    hidden = (x @ state['mlp.0.weight'].T + state['mlp.0.bias']).clamp(min=0)
    expected = hidden @ state['mlp.2.weight'].T + state['mlp.2.bias']
    torch.testing.assert_close(head(x), expected)


def test_loss_is_the_root_of_the_mean_squared_error():
    head = build()
    predicted = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    # Squared errors 1, 0, 4, 9: their mean is 3.5.
    found = head.loss_by_feat(predicted, samples([0.0, 2.0], [1.0, 7.0]))
    assert found['loss_rmse'].item() == pytest.approx(3.5**0.5)


def test_a_perfect_prediction_has_a_finite_gradient():
    predicted = torch.ones(2, 2, requires_grad=True)
    build().loss_by_feat(predicted, samples([1.0, 1.0], [1.0, 1.0]))['loss_rmse'].backward()
    assert torch.equal(predicted.grad, torch.zeros(2, 2))


def test_fractions_are_kept_and_views_averaged():
    head = build()
    x = torch.randn(4, 8)
    found = head.predict(x, samples([0.5, 0.25], [1.5, 0.75]))
    expected = head(x).reshape(2, 2, 2).mean(1)
    torch.testing.assert_close(torch.stack([each.pred_score for each in found]), expected)
    assert found[1].scores == [1.5, 0.75]


@pytest.mark.parametrize('given', [[ActionDataSample()], samples([1.0])])
def test_other_scores_than_targets_are_refused(given):
    with pytest.raises(ValueError, match=r'predicts 2 targets \(brow, mouth\), the clips bring'):
        build().loss(torch.randn(1, 8), given)


def test_targets_are_named_each_once():
    with pytest.raises(ValueError, match=r"each once, found \('brow', 'brow'\)"):
        build(targets=['brow', 'brow'])
