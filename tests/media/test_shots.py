import numpy as np

from dferclip_mm.media.shots import count_shots, is_cut
from dferclip_mm.media.timed_frames import TimedFrame


def room(seed):
    """A picture of large coloured rectangles with a little noise."""
    rng = np.random.default_rng(seed)
    image = np.full((90, 160, 3), rng.integers(0, 256, 3), np.uint8)
    for _ in range(6):
        top, left = rng.integers(0, 70), rng.integers(0, 120)
        image[top : top + 40, left : left + 60] = rng.integers(0, 256, 3)
    return np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)


def shots(images):
    frames = [TimedFrame(index, index / 25, image) for index, image in enumerate(images)]
    return [frame.shot for frame in count_shots(frames)]


def test_frames_know_how_many_cuts_were_before_them():
    assert shots([room(0), room(0), room(1), room(1), room(0)]) == [0, 0, 1, 1, 2]


def test_motion_is_no_cut():
    still = room(0)
    assert shots([np.roll(still, 12 * index, axis=1) for index in range(6)]) == [0] * 6


def test_a_flicker_of_the_light_is_no_cut():
    # Grey 127 and 129 lie in different bins of the histogram.
    assert not is_cut(np.full((9, 9, 3), 127, np.uint8), np.full((9, 9, 3), 129, np.uint8))


def test_another_size_is_a_cut():
    # Thumbnails of the last two have one size.
    assert shots([room(0), room(0)[:, :80], room(0)[:89, :79]]) == [0, 1, 2]


def test_no_frames_have_no_shots():
    assert shots([]) == []
