import json
from pathlib import Path

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.transforms.sampling import centred_segments, random_segments, wrapped_window

GOLDEN = json.loads((Path(__file__).parents[1] / 'data/golden_frames.json').read_text())


def test_the_indices_in_testing_equal_the_golden_ones():
    for total, expected in GOLDEN['test_frames']['test_indices'].items():
        assert centred_segments(int(total), 16).tolist() == expected


def test_training_takes_one_frame_of_each_segment():
    np.random.seed(0)
    for n in range(1, 900):
        indices = random_segments(n, 16)
        if n < 16:
            assert indices.tolist() == [*range(n), *[n - 1] * (16 - n)]
        else:
            within = indices - np.arange(16) * (n // 16)
            assert within.min() >= 0
            assert within.max() < n // 16
    draws = np.stack([random_segments(85, 16) for _ in range(4000)]) % 5
    shares = np.stack([(draws == frame).mean(0) for frame in range(5)])
    # 16 x 5 shares of 0.2 with a standard deviation of 0.0063
    assert np.abs(shares - 0.2).max() < 0.03


def test_the_windows_equal_the_golden_ones():
    for kept, starts in GOLDEN['emoclip_window'].items():
        for start, expected in starts.items():
            assert wrapped_window(int(kept), 32, int(start)).tolist() == expected


def sample(total, start_index=0, sample_idx=0, **cfg):
    results = dict(total_frames=total, start_index=start_index, sample_idx=sample_idx)
    results = TRANSFORMS.build(cfg).transform(results)
    assert results['frame_inds'].dtype == np.int64
    assert (results['clip_len'], results['num_clips']) == (len(results['frame_inds']), 1)
    return results['frame_inds'].tolist(), results['frame_interval']


SEGMENTS = dict(type='SampleSegments', test_mode=True)
WINDOW = dict(type='SampleWindow', test_mode=True)


@pytest.mark.parametrize(
    ('step', 'total', 'frames', 'interval'),
    [
        (dict(SEGMENTS, num_frames=4), 20, [2, 7, 12, 17], 5),
        (dict(SEGMENTS, num_frames=1), 1, [0], 1),
        (dict(WINDOW, num_frames=5), 9, [0, 4, 8, 0, 4], 4),
        (dict(WINDOW, num_frames=4, stride=2), 100, [0, 2, 4, 6], 2),
        (dict(WINDOW, num_frames=1, stride=1), 1, [0], 1),
    ],
)
def test_a_step_chooses_frames_which_count_from_the_start_index(step, total, frames, interval):
    assert sample(total, **step) == (frames, interval)
    assert sample(total, 1, **step)[0] == [frame + 1 for frame in frames]


def test_sample_window_starts_anywhere_in_training():
    np.random.seed(0)
    assert {sample(9, type='SampleWindow')[0][0] for _ in range(100)} == {0, 4, 8}


@pytest.mark.parametrize('step', [SEGMENTS, WINDOW])
def test_frames_are_shuffled_alike_in_each_evaluation_and_anew_in_each_clip(step):
    plain = sample(90, num_frames=16, **step)[0]
    first, again, second = (
        sample(90, sample_idx=index, num_frames=16, shuffle=True, **step)[0] for index in (0, 0, 1)
    )
    assert sorted(first) == sorted(second) == sorted(plain)
    assert plain != first != second
    assert again == first


@pytest.mark.parametrize('kind', ['SampleSegments', 'SampleWindow'])
def test_a_clip_without_frames_is_refused(kind):
    with pytest.raises(ValueError, match='expected total_frames of at least 1, found 0'):
        sample(0, type=kind)
