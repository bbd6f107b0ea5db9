import json
from pathlib import Path

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.transforms.sampling import (
    centred_segments,
    random_segments,
    wrapped_window,
)

GOLDEN = json.loads((Path(__file__).parents[1] / 'data/golden_frames.json').read_text())


def test_the_indices_in_testing_equal_the_golden_ones():
    for total, expected in GOLDEN['test_frames']['test_indices'].items():
        assert centred_segments(int(total), 16).tolist() == expected


def test_training_takes_one_frame_of_each_segment():
    rng = np.random.RandomState(0)
    for n in range(1, 900):
        indices = random_segments(n, 16, rng)
        if n < 16:
            assert indices.tolist() == [*range(n), *[n - 1] * (16 - n)]
        else:
            within = indices - np.arange(16) * (n // 16)
            assert within.min() >= 0
            assert within.max() < n // 16


def test_training_indices_are_uniform_within_a_segment():
    rng = np.random.RandomState(0)
    draws = np.stack([random_segments(85, 16, rng) for _ in range(4000)]) % 5
    shares = np.stack([(draws == frame).mean(0) for frame in range(5)])
    # 16 x 5 shares of 0.2 with a standard deviation of 0.0063
    assert np.abs(shares - 0.2).max() < 0.03


def test_the_windows_equal_the_golden_ones():
    for kept, starts in GOLDEN['emoclip_window'].items():
        for start, expected in starts.items():
            assert wrapped_window(int(kept), 32, int(start)).tolist() == expected


def sample(total, **cfg):
    return TRANSFORMS.build(cfg).transform(dict(total_frames=total))


def test_segments_give_frame_indices():
    results = sample(40, type='SampleSegments', test_mode=True)
    assert results['frame_inds'].dtype == np.int64
    assert results['frame_inds'].tolist()[:3] == [1, 3, 6]
    assert (results['clip_len'], results['num_clips'], results['frame_interval']) == (16, 1, 2)


def test_sampling_counts_from_the_start_index():
    transform = TRANSFORMS.build(dict(type='SampleSegments', num_frames=3, test_mode=True))
    results = transform.transform(dict(total_frames=3, start_index=1))
    assert results['frame_inds'].tolist() == [1, 2, 3]


def test_sample_window_keeps_every_fourth_frame():
    results = sample(9, type='SampleWindow', num_frames=5, test_mode=True)
    assert results['frame_inds'].tolist() == [0, 4, 8, 0, 4]
    assert (results['clip_len'], results['num_clips'], results['frame_interval']) == (5, 1, 4)
    results = sample(100, type='SampleWindow', stride=2, num_frames=4, test_mode=True)
    assert results['frame_inds'].tolist() == [0, 2, 4, 6]


def test_sample_window_starts_anywhere_in_training():
    np.random.seed(0)
    starts = {int(sample(9, type='SampleWindow')['frame_inds'][0]) for _ in range(100)}
    assert starts == {0, 4, 8}


@pytest.mark.parametrize('kind', ['SampleSegments', 'SampleWindow'])
def test_a_clip_without_frames_is_refused(kind):
    with pytest.raises(ValueError, match='expected total_frames of at least 1, found 0'):
        sample(0, type=kind)


def test_one_frame_is_enough():
    for sampler in (
        dict(type='SampleSegments', num_frames=1),
        dict(type='SampleWindow', stride=1, num_frames=1),
    ):
        results = TRANSFORMS.build(sampler).transform(dict(total_frames=1))
        assert results['frame_inds'].tolist() == [0]
        assert results['frame_interval'] == 1


@pytest.mark.parametrize('kind', ['SampleSegments', 'SampleWindow'])
def test_frames_are_shuffled_alike_in_each_evaluation_and_anew_in_each_clip(kind):
    def sample(index, **settings):
        step = TRANSFORMS.build(dict(type=kind, num_frames=16, test_mode=True, **settings))
        return step(dict(total_frames=90, sample_idx=index))['frame_inds'].tolist()

    plain, first, second = sample(0), sample(0, shuffle=True), sample(1, shuffle=True)
    assert sorted(first) == sorted(second) == sorted(plain)
    assert plain != first != second
    assert sample(0, shuffle=True) == first
