import pytest
import torch

from dferclip_mm.models.similarity import contrastive_loss, cosine_logits, mean_unit_vector


def test_mean_direction_weighs_sentences_equally_whatever_their_length():
    features = torch.tensor([[10.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    directions = mean_unit_vector(features, torch.tensor([0, 0, 1]), 2)
    half = 0.5**0.5
    torch.testing.assert_close(directions, torch.tensor([[half, half], [0.0, 1.0]]))


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
