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


def draws(cfg, measure, count=2000):
    transform = TRANSFORMS.build(cfg)
    np.random.seed(0)
    return np.array([measure(transform.transform) for _ in range(count)])


def test_brightness_is_uniform_and_one_draw_for_all_frames():
    def factor(transform):
        imgs = transform(dict(imgs=np.full((3, 2, 2, 3), 160, np.uint8)))['imgs']
        assert len(np.unique(imgs)) == 1
        return imgs[0, 0, 0, 0] / 160

    factors = draws(dict(type='ClipBrightness'), factor)
    expected = np.linspace(0.5, 1.5, 11)
    np.testing.assert_allclose(np.quantile(factors, np.linspace(0, 1, 11)), expected, atol=0.04)


def test_rotation_is_uniform_and_one_draw_for_all_frames():
    # One bright row through the centre: where it leaves the frame tells the angle.
    frames = np.zeros((2, 201, 201, 3), np.uint8)
    frames[:, 100] = 255

    def angle(transform):
        imgs = transform(dict(imgs=frames))['imgs']
        assert (imgs[0] == imgs[1]).all()
        row = imgs[0, :, 200, 0].argmax() - imgs[0, :, 0, 0].argmax()
        return np.degrees(np.arctan2(-row, 200))

    angles = draws(dict(type='ClipRotation', degrees=4), angle, 500)
    expected = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(np.quantile(angles, np.linspace(0, 1, 9)), expected, atol=0.5)
