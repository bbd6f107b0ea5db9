from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dferclip_mm.faces.boxes import overlaps, read_boxes

HEADER = 'frame,FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight'


def table(folder: Path, *lines: str) -> Path:
    path = folder / 'faces.csv'
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return path


def test_overlap_is_intersection_over_union() -> None:
    first = np.array([[0, 0, 10, 10], [20, 20, 30, 30]])
    second = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [5, 5, 5, 5]])
    np.testing.assert_allclose(overlaps(first, second), [[1, 1 / 3, 0], [0, 0, 0]])


def test_a_table_of_boxes_gives_the_faces_of_each_frame(tmp_path: Path) -> None:
    points = ','.join(f'{axis}_{number}' for number in range(5) for axis in 'xy')
    path = table(
        tmp_path,
        f'input,{HEADER},FaceScore,{points}',
        'a.mp4,0,10,20,30,40,0.9,1,2,3,4,5,6,7,8,9,10',
        'a.mp4,1,,,,,,,,,,,,,,,',
        'a.mp4,2,1,1,2,2,0.5,,,,,,,,,,',
        'a.mp4,2,5,5,2,2,,,,,,,,,,,',
    )
    found = read_boxes(path)
    assert sorted(found) == [0, 2]
    np.testing.assert_array_equal(found[0].boxes, [[10, 20, 40, 60]])
    np.testing.assert_array_equal(found[0].landmarks, np.arange(1, 11).reshape(1, 5, 2))
    np.testing.assert_allclose(found[2].scores, [0.5, 1.0])
    assert np.isnan(found[2].landmarks).all()


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        (['frame,FaceRectX,FaceRectY,FaceRectWidth'], 'csv:1: expected the column FaceRectHeight'),
        ([f'{HEADER},x_5'], 'csv:1: expected five landmarks'),
        ([HEADER, '0,1,2,3,4', '1,1,2,wide,4'], "csv:3: expected numbers in a row, .*'wide'"),
        ([HEADER, '0.5,1,2,3,4'], 'csv:2: expected numbers in a row, found .0.5'),
        ([''], 'csv: expected a table with the columns'),
    ],
)
def test_a_wrong_table_is_named_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_boxes(table(tmp_path, *lines))
