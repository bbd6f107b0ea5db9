import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from PIL import Image, ImageEnhance

from dferclip_mm.transforms.augment import brighten_frames, rotate_frames


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(1, 256, shape, dtype=np.uint8)


def test_brightness_is_pillows_to_the_last_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    image = ImageEnhance.Brightness(Image.fromarray(levels[0]))
    # The first makes 200 a product just below a whole level, which OpenCV would round up.
    factors = [
        np.nextafter(np.float32(1.005), np.float32(0)),
        *np.random.RandomState(0).uniform(0.5, 1.5, 3000),
    ]
    for factor in map(float, factors):
        expected = np.asarray(image.enhance(factor))
        np.testing.assert_array_equal(brighten_frames(levels, factor)[0], expected)


def test_brightness_works_in_place_where_that_harms_nobody():
    brighten = TRANSFORMS.build(dict(type='ClipBrightness', factor_range=(0.5, 0.5)))
    whole = noise(2, 8, 8, 3)
    half = whole // 2
    locked, part = whole.copy(), whole.copy()[:, 2:6]
    locked.flags.writeable = False
    for imgs, expected in ((locked, half), (part, half[:, 2:6]), (list(locked), half)):
        np.testing.assert_array_equal(brighten(dict(imgs=imgs))['imgs'], expected)
    np.testing.assert_array_equal(locked, whole)
    np.testing.assert_array_equal(part, whole[:, 2:6])
    np.testing.assert_array_equal(brighten(dict(imgs=whole))['imgs'], half)
    np.testing.assert_array_equal(whole, half)


@pytest.mark.parametrize('size', [(224, 224), (150, 171), (97, 64)])
@pytest.mark.parametrize('degrees', [-4, -1.7, 0, 0.01, 3.3, 6])
def test_rotation_equals_that_of_pillow(size, degrees):
    frames = noise(2, *size, 3)
    for fill in ((0, 0, 0), (123, 117, 104)):
        expected = [
            np.asarray(
                Image.fromarray(frame).rotate(degrees, Image.Resampling.NEAREST, fillcolor=fill)
            )
            for frame in frames
        ]
        np.testing.assert_array_equal(rotate_frames(frames, degrees, fill), np.stack(expected))


@pytest.mark.parametrize('seed', range(5))
def test_all_frames_of_a_clip_have_one_uniform_draw(seed):
    frames = noise(3, 20, 20, 3)
    for step, change, limits in (
        (dict(type='ClipBrightness'), brighten_frames, (0.5, 1.5)),
        (dict(type='ClipRotation', degrees=6), rotate_frames, (-6, 6)),
    ):
        np.random.seed(seed)
        expected = change(frames, np.random.uniform(*limits))
        np.random.seed(seed)
        found = TRANSFORMS.build(step)(dict(imgs=frames.copy()))['imgs']
        np.testing.assert_array_equal(found, expected)
