"""Losses for unequal classes, against formulas written out for a single clip."""

import math

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from torch.nn import functional

COUNTS = [60, 30, 10]
LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-1.0, 3.0, 0.0], [1.0, 1.0, 1.0]])
LABELS = torch.tensor([0, 2, 2, 1])


def build(**settings):
    return MODELS.build(dict(type='AdjustedCrossEntropy', **settings))


def probabilities(logits):
    total = sum(math.exp(value) for value in logits)
    return [math.exp(value) / total for value in logits]


def test_without_adjustment_it_is_cross_entropy():
    torch.testing.assert_close(build()(LOGITS, LABELS), functional.cross_entropy(LOGITS, LABELS))


def test_classes_are_weighted_by_their_clips():
    # 1/60, 1/30 and 1/10, times 100/3: their mean over the 100 clips is 1.
    weights = [100 / 180, 100 / 90, 100 / 30]
    expected = [
        -weights[y] * math.log(probabilities(z)[y])
        for z, y in zip(LOGITS.tolist(), LABELS.tolist(), strict=True)
    ]
    loss = build(weight_power=1, class_counts=COUNTS)(LOGITS, LABELS)
    assert loss.item() == pytest.approx(sum(expected) / 4, rel=1e-5)
    # The mean of two processes' losses is the loss of their clips together.
    halves = [
        build(weight_power=1, class_counts=COUNTS)(LOGITS[i::2], LABELS[i::2]) for i in (0, 1)
    ]
    torch.testing.assert_close(sum(halves) / 2, loss)


def test_focal_loss_and_logit_adjustment_are_as_published():
    focal, adjusted = [], []
    for z, y in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        p = probabilities(z)[y]
        focal.append(-((1 - p) ** 2) * math.log(p))
        shifted = [value + 1.5 * math.log(n / 100) for value, n in zip(z, COUNTS, strict=True)]
        adjusted.append(-math.log(probabilities(shifted)[y]))
    assert build(gamma=2)(LOGITS, LABELS).item() == pytest.approx(sum(focal) / 4, rel=1e-5)
    found = build(tau=1.5, class_counts=COUNTS)(LOGITS, LABELS).item()
    assert found == pytest.approx(sum(adjusted) / 4, rel=1e-5)


def test_votes_are_targets_of_cross_entropy_or_divergence():
    votes = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0], [0.2, 0.2, 0.6], [0.1, 0.9, 0.0]])
    soft = functional.cross_entropy(LOGITS, votes)
    torch.testing.assert_close(build()(LOGITS, votes), soft)
    divergence = functional.kl_div(LOGITS.log_softmax(1), votes, reduction='batchmean')
    torch.testing.assert_close(build(kl=True)(LOGITS, votes), divergence)


def test_a_weight_of_a_clip_multiplies_its_loss():
    weights = torch.tensor([1.0, 0.5, 2.0, 0.0])
    targets = functional.one_hot(LABELS, 3) * weights[:, None]
    expected = (functional.cross_entropy(LOGITS, LABELS, reduction='none') * weights).mean()
    torch.testing.assert_close(build()(LOGITS, targets), expected)


def test_a_certain_clip_has_a_finite_gradient():
    logits = torch.tensor([[80.0, 0.0, 0.0]], requires_grad=True)
    build(gamma=0.5)(logits, torch.tensor([0])).backward()
    assert logits.grad.isfinite().all()


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match='gamma of at least 0, found'):
        build(gamma=-1)
    with pytest.raises(
        ValueError, match=r'clips of each class, found None: .* keep StartupCheckHook'
    ):
        build(tau=1)(LOGITS, LABELS)
    with pytest.raises(ValueError, match=r'clips of each class, found \[3, 0, 1\]'):
        build(tau=1, class_counts=[3, 0, 1])(LOGITS, LABELS)


def test_the_head_takes_the_loss_label_smoothing_and_the_prior(tiny_model):
    head = tiny_model['cls_head'] | dict(classes=['a', 'b', 'c'], prompts='class_names')
    loss = dict(type='AdjustedCrossEntropy', gamma=2)
    built = MODELS.build(head | dict(loss_cls=loss, label_smooth_eps=0.3))
    samples = [ActionDataSample().set_gt_label(label) for label in LABELS.tolist()]
    found = built.loss_by_feat(LOGITS, samples)['loss_cls'].item()
    expected = []
    for z, y in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for label, p in enumerate(probabilities(z)):
            share = 0.1 + 0.7 * (label == y)
            expected.append(-share * (1 - p) ** 2 * math.log(p))
    assert found == pytest.approx(sum(expected) / 4, rel=1e-5)

    adjusted = MODELS.build(head | dict(prior_adjustment=1.0, class_counts=COUNTS))
    scores = adjusted.predict_by_feat(LOGITS, samples)[3].pred_score
    inverse = [1 / 60, 1 / 30, 1 / 10]
    torch.testing.assert_close(scores, torch.tensor(inverse) / sum(inverse))
    with pytest.raises(ValueError, match=r'set model\.cls_head\.class_counts'):
        MODELS.build(head | dict(prior_adjustment=1.0)).predict_by_feat(LOGITS, samples)
