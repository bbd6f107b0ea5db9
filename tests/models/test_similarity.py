import pytest
import torch

from dferclip_mm.models.similarity import cosine_logits, mean_direction


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
    directions = mean_direction(features, torch.tensor([0, 0, 1]), 2)
    half = 0.5**0.5
    torch.testing.assert_close(directions, torch.tensor([[half, half], [0.0, 1.0]]))
