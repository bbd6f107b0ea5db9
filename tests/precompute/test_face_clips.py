from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dferclip_mm.faces.boxes import Faces, as_faces
from dferclip_mm.faces.crop import DEFAULT_TEMPLATE
from dferclip_mm.media.timed_frames import TimedFrame
from dferclip_mm.precompute import face_clips
from dferclip_mm.precompute.face_clips import CropSettings, crop_clip

SETTINGS = CropSettings(DEFAULT_TEMPLATE, every=1)
# Grey levels of the two people, by which a crop tells who it is of.
LARGE, SMALL = 220, 120


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Twenty images: one small person in all but two, and a larger one in the last four."""
    shown = {number: [(10, 30, SMALL)] for number in range(20) if number not in (7, 8)}
    for number in range(16, 20):
        shown[number].append((80, 50, LARGE))
    (tmp_path / 'clip').mkdir()
    for number in range(20):
        image = np.full((120, 160, 3), 20, np.uint8)
        for left, side, grey in shown.get(number, []):
            image[10 : 10 + side, left : left + side] = grey
        cv2.imwrite(str(tmp_path / f'clip/{number + 1}.png'), image)

    def find(frame: TimedFrame) -> Faces:
        boxes = [(x, 10, x + side, 10 + side) for x, side, _ in shown.get(frame.number, [])]
        return as_faces(boxes, np.full((len(boxes), 10), np.nan), np.ones(len(boxes)))

    monkeypatch.setattr(face_clips, '_finder', lambda detector: find)
    return str(tmp_path / 'clip')


def test_the_main_face_is_the_one_with_the_largest_summed_area(clip: str, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    found = crop_clip('a/b', clip, out, SETTINGS)
    # 18 frames of 30 x 30 pixels, and 4 of 50 x 50.
    assert found == ('a/b', 20, 18, 18, 2, round(18 * 900 / (18 * 900 + 4 * 2500), 3), '')
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob('*.jpg'))
    assert names == [f'a/b/{number:05}.jpg' for number in range(1, 19)]
    crops = [cv2.imread(str(out / name)) for name in names]
    assert {crop.shape for crop in crops} == {(224, 224, 3)}
    assert {round(float(crop[112, 112, 0]), -1) for crop in crops} == {SMALL}
    assert [path.name for path in (out / 'a').iterdir()] == ['b']


def test_a_clip_with_too_few_faces_is_left_out_and_counted(clip: str, tmp_path: Path) -> None:
    found = crop_clip('a', clip, tmp_path / 'out', SETTINGS._replace(min_face=40))
    assert found[:5] == ('a', 20, 4, 0, 1)
    nobody = crop_clip('a', clip, tmp_path / 'out', SETTINGS._replace(min_face=60))
    assert nobody[:6] == ('a', 20, 0, 0, 0, 0.0)
    assert not [*(tmp_path / 'out').rglob('*.jpg')]


def test_a_clip_is_cropped_up_to_a_damaged_frame_which_is_named(clip: str, tmp_path: Path) -> None:
    Path(clip, '13.png').write_bytes(b'damaged')
    # What a killed program leaves.
    stale = tmp_path / 'out' / '.unfinished' / 'a' / '0'
    stale.mkdir(parents=True)
    (stale / '00099.jpg').touch()
    found = crop_clip('a', clip, tmp_path / 'out', SETTINGS)
    assert found.problem.startswith(f'{Path(clip, "13.png")} does not decode')
    assert (found.frames, found.written) == (12, 10)
    assert len([*(tmp_path / 'out').rglob('*.jpg')]) == 10
    empty = tmp_path / 'empty.mp4'
    empty.touch()
    assert crop_clip('b', str(empty), tmp_path / 'out', SETTINGS).problem.startswith('expected a v')


def test_older_crops_that_cannot_be_removed_stop_the_program(clip: str, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    (tmp_path / 'elsewhere').mkdir()
    out.mkdir()
    (out / 'a').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(OSError, match='symbolic link'):
        crop_clip('a', clip, out, SETTINGS)
