import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import TRANSFORMS
from PIL import Image

from dferclip_mm.transforms.resize import resize_frames, sample_crop, shorter_side_to


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize('shape', [(150, 170), (480, 360), (100, 300), (37, 51), (1, 1)])
@pytest.mark.parametrize('size', [(224, 224), (112, 90)])
@pytest.mark.parametrize('method', ['bilinear', 'bicubic'])
def test_resizing_equals_the_filters_of_pillow(shape, size, method):
    frames = noise(2, *shape, 3)
    resized = resize_frames(frames, size, bicubic=method == 'bicubic')
    kind = Image.Resampling[method.upper()]
    expected = [np.asarray(Image.fromarray(frame).resize(size[::-1], kind)) for frame in frames]
    difference = np.abs(resized.astype(int) - np.stack(expected))
    assert resized.flags.c_contiguous
    assert difference.max() <= (2 if method == 'bicubic' else 1)
    assert difference.mean() < 0.02


def test_bicubic_without_antialiasing_is_that_of_float_tensors():
    frames = noise(2, 300, 280, 3)
    resized = resize_frames(frames, (224, 200), bicubic=True, antialias=False)
    floats = torch.from_numpy(frames).permute(0, 3, 1, 2).double()
    floats = F.interpolate(floats, (224, 200), mode='bicubic', align_corners=False)
    expected = floats.round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(resized - expected).max() <= 1
    with_antialias = resize_frames(frames, (224, 200), bicubic=True)
    assert np.abs(with_antialias.astype(int) - resized).mean() > 5


def test_views_and_lists_are_resized_alike():
    frames = noise(3, 60, 70, 3)
    resize = TRANSFORMS.build(dict(type='ClipResize', size=50))
    for part in (frames[:, 5:35, 7:47], frames[:, 5:35, 46:6:-1]):
        expected = resize(dict(imgs=np.ascontiguousarray(part)))['imgs']
        for form in (part, list(part)):
            np.testing.assert_array_equal(resize(dict(imgs=form))['imgs'], expected)


@pytest.mark.parametrize(
    ('shape', 'expected'),
    [((300, 400), (224, 298)), ((400, 300), (298, 224)), ((1, 5), (224, 1120))],
)
def test_the_shorter_side_gets_the_given_size(shape, expected):
    assert shorter_side_to(224, *shape) == expected
    resize = TRANSFORMS.build(dict(type='ClipResizeShortEdge'))
    assert resize(dict(imgs=noise(1, *shape, 3)))['img_shape'] == expected


HEIGHT, WIDTH = 300, 260


def reference_crops(count):
    """The published distribution, written down once more: rejection of boxes that do not fit."""
    rng = np.random.default_rng(1)
    area, ratio = rng.uniform(0.08, 1, count), rng.uniform(3 / 4, 4 / 3, count)
    width = np.rint(np.sqrt(area * HEIGHT * WIDTH * ratio))
    height = np.rint(np.sqrt(area * HEIGHT * WIDTH / ratio))
    swap = rng.random(count) < 0.5
    width, height = np.where(swap, height, width), np.where(swap, width, height)
    fits = (width <= WIDTH) & (height <= HEIGHT)
    return height[fits], width[fits]


def test_crops_have_the_published_distribution_and_lie_within_the_frame():
    np.random.seed(0)
    boxes = np.array([sample_crop(HEIGHT, WIDTH) for _ in range(20000)])
    assert boxes.min(0).tolist()[:2] == [0, 0]
    assert (boxes[:, :2] + boxes[:, 2:]).max(0).tolist() == [HEIGHT, WIDTH]
    height, width = reference_crops(200000)
    quantiles = np.linspace(0.05, 0.95, 19)
    for ours, theirs in (
        (boxes[:, 2] * boxes[:, 3] / (HEIGHT * WIDTH), height * width / (HEIGHT * WIDTH)),
        (boxes[:, 3] / boxes[:, 2], width / height),
    ):
        np.testing.assert_allclose(
            np.quantile(ours, quantiles), np.quantile(theirs, quantiles), atol=0.015
        )


def test_a_random_crop_is_one_draw_for_all_frames():
    frames = np.repeat(noise(1, 90, 80, 3), 4, axis=0)
    np.random.seed(3)
    results = TRANSFORMS.build(dict(type='ClipRandomCrop', size=40))(dict(imgs=frames))
    np.random.seed(3)
    top, left, height, width = sample_crop(90, 80)
    expected = frames[:, top : top + height, left : left + width]
    np.testing.assert_array_equal(results['imgs'], expected)
    assert results['img_shape'] == (height, width)


def test_a_random_crop_falls_back_to_a_square():
    transform = TRANSFORMS.build(dict(type='ClipRandomCrop', size=20, area=(1.0, 1.0)))
    columns = np.arange(200, dtype=np.uint8)[None, None, :, None]
    frames = np.broadcast_to(columns, (1, 20, 200, 3))
    lefts = set()
    for _ in range(30):
        imgs = transform.transform(dict(imgs=frames))['imgs']
        left = int(imgs[0, 0, 0, 0])
        lefts.add(left)
        np.testing.assert_array_equal(imgs, frames[:, :, left : left + 20])
    assert len(lefts) > 10
