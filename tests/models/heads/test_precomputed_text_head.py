import pytest
import torch
from mmaction.registry import MODELS


def test_scores_are_scaled_cosines_with_the_stored_features():
    head = MODELS.build(
        dict(type='PrecomputedTextHead', classes=['a', 'b'], embed_dims=3, logit_scale=10)
    )
    head.text_features.copy_(torch.tensor([[2.0, 0, 0], [0, 3, 4]]))
    found = head(torch.tensor([[1.0, 0, 0], [0, 0, 7]]))
    torch.testing.assert_close(found, torch.tensor([[10.0, 0], [0, 8]]))
    with pytest.raises(ValueError, match='expects 3 channels, found 4'):
        head(torch.zeros(1, 4))


def test_other_channels_than_those_of_the_output_are_projected():
    head = MODELS.build(
        dict(type='PrecomputedTextHead', classes=['a', 'b'], embed_dims=3, in_channels=5)
    )
    assert head.proj.weight.shape == (3, 5)
