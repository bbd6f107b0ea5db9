from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dferclip_mm.faces.boxes import NO_FACES, as_faces
from dferclip_mm.faces.crop import (
    CropTemplate,
    crop_face,
    find_similarity,
    find_template,
    read_template,
    write_template,
)
from dferclip_mm.media.timed_frames import TimedFrame
from dferclip_mm.precompute.crop_template import measure_template

LANDMARKS = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
TEMPLATE = CropTemplate(
    landmarks=LANDMARKS.tolist(), box=[0.2, 0.1, 0.8, 0.9], size=96, frames=3, without_face=1
)


def black(size: int) -> TimedFrame:
    return TimedFrame(0, 0.0, np.zeros((size, size, 3), np.uint8))


def test_no_other_similarity_brings_points_closer() -> None:
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(2, 5, 2))

    def distance(matrix: np.ndarray) -> float:
        return ((source @ matrix[:, :2].T + matrix[:, 2] - target) ** 2).sum()

    best = find_similarity(source, target)
    for a, b, c, d in 0.05 * rng.normal(size=(50, 4)):
        assert distance(best) <= distance(best + np.array([[a, -b, c], [b, a, d]]))


@pytest.mark.parametrize('scale', [0.5, 1.0, 4.0])
def test_a_crop_puts_the_landmarks_on_the_template(scale: float) -> None:
    """A dot at each landmark of a turned face lies at the template's places in the crop."""
    size = (np.array([300, 260]) * max(1, scale)).astype(int)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    points = scale * 96 * LANDMARKS @ turn.T + size / 4
    yx = np.mgrid[: size[1], : size[0]] + 0.5
    image = np.zeros((*yx.shape[1:], 3), np.uint8)
    for x, y in points:
        disc = (max(2, 2 * scale) - np.hypot(yx[1] - x, yx[0] - y) + 0.5).clip(0, 1)
        image = np.maximum(image, (255 * disc[..., None]).astype(np.uint8))
    crop = crop_face(image, points, np.zeros(4), TEMPLATE)
    assert crop.shape == (96, 96, 3)
    rows, columns = np.mgrid[:96, :96] + 0.5
    for x, y in 96 * LANDMARKS:
        near = np.hypot(columns - x, rows - y) < 7
        weights = crop[..., 0] * near
        centre = [(weights * axis).sum() / weights.sum() for axis in (columns, rows)]
        np.testing.assert_allclose(centre, [x, y], atol=0.2)


def test_a_face_without_landmarks_is_cropped_by_its_box() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[50:130, 70:130] = 255
    crop = crop_face(image, np.full((5, 2), np.nan), np.array([70, 50, 130, 130]), TEMPLATE)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    np.testing.assert_allclose([columns.min(), rows.min()], [19.2, 9.6], atol=1)
    np.testing.assert_allclose([columns.max() + 1, rows.max() + 1], [76.8, 86.4], atol=1)


def test_a_large_face_is_shrunk_without_skipping_pixels() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (960, 960, 3), np.uint8)
    crop = crop_face(image, 960 * LANDMARKS, np.zeros(4), TEMPLATE)
    # The mean of 100 pixels varies by a tenth as much as one.
    assert crop.std() < 0.15 * image.std()


def test_a_template_is_the_median_of_each_frames_largest_face() -> None:
    found = []
    for shift in (0.0, 0.01, 0.02, 0.03, 0.5):
        points = 100 * np.stack([LANDMARKS, LANDMARKS + shift])
        found.append(as_faces([(0, 0, 5, 5), (20, 10, 80, 90)], points, [1.0, 0.9]))
    found.insert(2, NO_FACES)
    answers = iter(found)
    template = measure_template([black(100)] * 6, lambda frame: next(answers))
    np.testing.assert_allclose(template.landmarks, LANDMARKS + 0.02, atol=1e-6)
    np.testing.assert_allclose(template.box, [0.2, 0.1, 0.8, 0.9], atol=1e-6)
    assert (template.size, template.frames, template.without_face) == (100, 5, 1)
    with pytest.raises(ValueError, match='found none in any of 2 frames'):
        measure_template([black(9)] * 2, lambda frame: NO_FACES)


def test_a_written_template_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_template(tmp_path / 'crop.json', TEMPLATE)
    assert read_template(tmp_path / 'crop.json') == TEMPLATE
    monkeypatch.setenv('HOME', str(tmp_path))
    assert read_template('~/crop.json') == find_template('~/model.pth') == TEMPLATE


@pytest.mark.parametrize('text', ['', '[]', '{"size": 3}'])
def test_another_file_is_no_template(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'crop.json'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(
        ValueError, match=r'crop\.json: expected what tools/measure_crop\.py writes'
    ):
        read_template(path)
