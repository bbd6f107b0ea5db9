import pytest
import torch

from dferclip_mm.models.pool import pool_to_clip, to_sequence

MAPS = torch.arange(2 * 3 * 4 * 2 * 2.0).reshape(2, 3, 4, 2, 2)
SLOW, FAST = torch.arange(2 * 8 * 4 * 9.0), torch.arange(2 * 2 * 16 * 9.0)
PATHS = SLOW.reshape(2, 8, 4, 3, 3), FAST.reshape(2, 2, 16, 3, 3)


def test_maps_over_time_are_averaged_over_space():
    expected = MAPS.mean(dim=(3, 4)).transpose(1, 2)
    torch.testing.assert_close(to_sequence(MAPS), expected)
    # Of several scales the last one.
    torch.testing.assert_close(to_sequence((torch.zeros(2, 3, 4, 6, 6), MAPS)), expected)
    # MMAction2's fcn_test passes maps whose time is the segments, and their number as well.
    torch.testing.assert_close(pool_to_clip(MAPS, num_segs=8), expected.mean(1))


def test_sequences_stay_and_vectors_are_frames_or_clips():
    sequence, vectors = torch.randn(2, 5, 3), torch.randn(2, 3)
    assert to_sequence(sequence) is sequence
    assert torch.equal(to_sequence(vectors), vectors[:, None])
    assert pool_to_clip(vectors) is vectors


def test_maps_of_images_are_averaged_over_space_and_segments():
    frames = torch.randn(6, 5, 2, 2)
    expected = frames.mean(dim=(2, 3)).reshape(2, 3, 5).mean(1)
    torch.testing.assert_close(pool_to_clip((torch.zeros(6, 4, 4, 4), frames), 3), expected)


def test_both_paths_of_slowfast_are_joined_in_time_or_as_its_own_head_reads_them():
    slow, fast = PATHS
    joined = to_sequence(PATHS)
    assert joined.shape == (2, 4, 10)
    torch.testing.assert_close(joined[0, 1, 8:], fast[0, :, 4:8].mean(dim=(1, 2, 3)))
    expected = torch.cat([slow.mean(dim=(2, 3, 4)), fast.mean(dim=(2, 3, 4))], dim=1)
    torch.testing.assert_close(pool_to_clip(PATHS), expected)


def test_of_mvit_the_patches_are_a_sequence_and_the_class_token_a_clip():
    patches, token = MAPS, torch.randn(2, 8)
    torch.testing.assert_close(to_sequence([[patches, token]]), to_sequence(patches))
    assert pool_to_clip([[patches, token]]) is token


@pytest.mark.parametrize('features', [torch.randn(2, 3, 4, 4), torch.randn(3), ()])
def test_what_has_no_frames_is_explained(features):
    with pytest.raises(ValueError, match='over time'):
        to_sequence(features)


@pytest.mark.parametrize('features', [torch.randn(2, 4, 8), ()])
def test_what_is_no_clip_is_explained(features):
    with pytest.raises(ValueError, match='put a TemporalTransformer in between'):
        pool_to_clip(features)
