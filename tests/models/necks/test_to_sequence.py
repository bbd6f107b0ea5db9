import pytest
import torch

from dferclip_mm.models.necks import to_sequence


def test_maps_over_time_are_averaged_over_space():
    maps = torch.arange(2 * 3 * 4 * 2 * 2.0).reshape(2, 3, 4, 2, 2)
    expected = maps.mean(dim=(3, 4)).transpose(1, 2)
    torch.testing.assert_close(to_sequence(maps), expected)
    torch.testing.assert_close(to_sequence((maps,)), expected)


def test_sequences_stay_and_vectors_become_one_frame():
    sequence = torch.randn(2, 5, 3)
    assert to_sequence(sequence) is sequence
    assert to_sequence(torch.randn(2, 3)).shape == (2, 1, 3)


def test_slow_and_fast_path_are_joined():
    slow, fast = torch.randn(2, 8, 4, 3, 3), torch.randn(2, 2, 16, 3, 3)
    joined = to_sequence((slow, fast))
    assert joined.shape == (2, 4, 10)
    torch.testing.assert_close(joined[0, 1, 8:], fast[0, :, 4:8].mean(dim=(1, 2, 3)))


def test_last_scale_is_taken():
    scales = (torch.randn(2, 4, 8, 6, 6), torch.randn(2, 8, 8, 3, 3))
    torch.testing.assert_close(to_sequence(scales), to_sequence(scales[1]))


def test_the_patch_tokens_of_mvit_are_averaged():
    patches, token = torch.randn(2, 8, 4, 3, 3), torch.randn(2, 8)
    torch.testing.assert_close(to_sequence([[patches, token]]), to_sequence(patches))


@pytest.mark.parametrize('features', [torch.randn(2, 3, 4, 4), torch.randn(3), ()])
def test_what_has_no_frames_is_explained(features):
    with pytest.raises(ValueError, match='over time'):
        to_sequence(features)
