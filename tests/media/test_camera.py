from __future__ import annotations

import threading
from typing import Any

import cv2
import numpy as np
import pytest

from dferclip_mm.media.camera import read_camera


class StandIn:
    """OpenCV's interface; a frame comes, of the grey level of its number, when it is let go."""

    frames, number, released = 6, 0, False

    def __init__(self) -> None:
        self.come, self.taken = threading.Semaphore(0), threading.Semaphore(0)

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self.frames > 0

    def read(self) -> tuple[bool, Any]:
        # The one before has been put.
        self.taken.release()
        self.come.acquire()
        self.number += 1
        return self.number <= self.frames, np.full((4, 6, 3), (1, 2, self.number), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(cv2, 'VideoCapture', lambda number: stand_in)
    return stand_in


def test_a_frame_that_is_asked_for_is_the_newest_one(camera: StandIn) -> None:
    times = iter(range(10))
    frames = read_camera(0, lambda: next(times))
    camera.come.release()
    first = next(frames)
    camera.taken.acquire()
    camera.taken.acquire()
    assert (first.number, first.time) == (0, 0)
    # Red comes first.
    assert first.image[0, 0].tolist() == [1, 2, 1]
    for _ in range(3):
        camera.come.release()
        camera.taken.acquire()
    second = next(frames)
    assert (second.number, second.time, second.image[0, 0, 0]) == (3, 3, 4)
    camera.come.release(10)
    # Until the camera ends.
    assert all(frame.number > 3 for frame in frames)
    assert camera.released


def test_a_camera_that_is_left_is_released(camera: StandIn) -> None:
    frames = read_camera(0, lambda: 0.0)
    camera.come.release(2)
    next(frames)
    camera.come.release(10)
    frames.close()
    assert camera.released


def test_a_missing_camera_is_named(camera: StandIn) -> None:
    camera.frames = 0
    with pytest.raises(OSError, match='camera 3 does not open: check its number'):
        next(read_camera(3, lambda: 0.0))
