import math

import pytest
import torch

from dferclip_mm.models.similarity import contrastive_loss, cosine_logits, mean_unit_vector


def test_cosine_logits_of_known_vectors():
    video = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    text = torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    torch.testing.assert_close(
        cosine_logits(video, text, 100.0), torch.tensor([[60.0, 80.0], [0.0, 100.0]])
    )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_answers_in_float32(dtype):
    with torch.autocast('cpu', dtype=dtype):
        logits = cosine_logits(torch.randn(2, 4).to(dtype), torch.randn(3, 4), 100.0)
    assert logits.dtype == torch.float32


def test_mean_direction_weighs_sentences_equally_whatever_their_length():
    features = torch.tensor([[10.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    directions = mean_unit_vector(features, torch.tensor([0, 0, 1]), 2)
    half = 0.5**0.5
    torch.testing.assert_close(directions, torch.tensor([[half, half], [0.0, 1.0]]))


def test_contrastive_loss_of_known_vectors():
    video = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    text = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # Logits at scale 5 are [[5, 3], [0, 4]].
    rows = [-math.log(math.exp(5) / (math.exp(5) + math.exp(3)))]
    rows += [-math.log(math.exp(4) / (1 + math.exp(4)))]
    columns = [-math.log(math.exp(5) / (math.exp(5) + 1))]
    columns += [-math.log(math.exp(4) / (math.exp(3) + math.exp(4)))]
    expected = (sum(rows) / 2 + sum(columns) / 2) / 2
    assert contrastive_loss(video, text, 5.0).item() == pytest.approx(expected, abs=1e-6)
    diagonal = torch.eye(2, dtype=torch.bool)
    assert contrastive_loss(video, text, 5.0, diagonal).item() == pytest.approx(expected, abs=1e-6)


def test_pairs_that_belong_together_are_found_among_the_others():
    torch.manual_seed(0)
    video, text = torch.randn(4, 3), torch.randn(4, 3)
    positives = torch.eye(4, dtype=torch.bool)
    positives[0, 2] = positives[2, 0] = positives[1, 3] = True
    logits = cosine_logits(video, text, 4.0).double()
    total = 0.0
    for scores, pairs in ((logits, positives), (logits.T, positives.T)):
        for row, own in zip(scores, pairs, strict=True):
            rest = row[~own].exp().sum()
            shares = row[own].exp() / (row[own].exp() + rest)
            total -= shares.log().mean().item() / 8
    assert contrastive_loss(video, text, 4.0, positives).item() == pytest.approx(total, abs=1e-6)


def test_a_batch_of_one_text_has_no_negatives_and_no_loss():
    video = torch.randn(3, 2, requires_grad=True)
    loss = contrastive_loss(video, torch.ones(3, 2), 9.0, torch.ones(3, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(video.grad, torch.zeros(3, 2))
