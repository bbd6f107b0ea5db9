import pytest
import torch

from dferclip_mm.models.heads.pool import pool_to_clip


def test_space_time_and_segments_are_averaged():
    maps = torch.arange(2 * 3 * 4 * 2 * 2.0).reshape(2, 3, 4, 2, 2)
    torch.testing.assert_close(pool_to_clip(maps), maps.mean(dim=(2, 3, 4)))
    frames = torch.randn(6, 5, 2, 2)
    expected = frames.mean(dim=(2, 3)).reshape(2, 3, 5).mean(1)
    torch.testing.assert_close(pool_to_clip(frames, num_segs=3), expected)
    vectors = torch.randn(2, 5)
    assert pool_to_clip(vectors) is vectors


def test_both_paths_of_slowfast_as_its_own_head_reads_them():
    slow, fast = torch.randn(2, 8, 4, 3, 3), torch.randn(2, 2, 16, 3, 3)
    expected = torch.cat([slow.mean(dim=(2, 3, 4)), fast.mean(dim=(2, 3, 4))], dim=1)
    torch.testing.assert_close(pool_to_clip((slow, fast)), expected)


def test_class_token_of_mvit_as_its_own_head_reads_it():
    patches, token = torch.randn(2, 8, 4, 3, 3), torch.randn(2, 8)
    assert pool_to_clip([[patches, token]]) is token


def test_the_last_of_several_scales_is_taken():
    scales = (torch.randn(2, 4, 8, 6, 6), torch.randn(2, 8, 8, 3, 3))
    torch.testing.assert_close(pool_to_clip(scales), scales[1].mean(dim=(2, 3, 4)))
    images = (torch.randn(4, 4, 6, 6), torch.randn(4, 8, 3, 3))
    torch.testing.assert_close(pool_to_clip(images, 2), pool_to_clip(images[1], 2))


def test_maps_over_time_hold_their_segments():
    """MMAction2's fcn_test passes maps whose time is the segments, and their number as well."""
    maps = torch.randn(2, 5, 8, 3, 3)
    torch.testing.assert_close(pool_to_clip(maps, num_segs=16), maps.mean(dim=(2, 3, 4)))


def test_sequences_are_refused():
    with pytest.raises(ValueError, match='put a TemporalTransformer in between'):
        pool_to_clip(torch.randn(2, 4, 8))
