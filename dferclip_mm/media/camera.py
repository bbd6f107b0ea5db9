"""The frames of a camera, as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import cv2

from .timed_frames import TimedFrame


def read_camera(camera: int | str, clock: Callable[[], float]) -> Iterator[TimedFrame]:
    """The newest frame of a camera, each time that one is asked for.

    Frames that come while an earlier one is worked on are dropped, so that answers never lag behind
    further and further; their numbers are missing. In memory are two frames.

    Args:
        camera: its number, from 0, or what else OpenCV's ``VideoCapture`` takes.
        clock: seconds; a frame's time is when it came.
    """
    capture = cv2.VideoCapture(camera)
    if not capture.isOpened():
        raise OSError(
            f'camera {camera} does not open: check its number, and that no other program uses it'
        )
    newest: queue.Queue[TimedFrame | None] = queue.Queue(maxsize=1)
    ended = threading.Event()

    def put(frame: TimedFrame | None) -> None:
        with suppress(queue.Empty):
            newest.get_nowait()
        # Nobody else puts one.
        newest.put_nowait(frame)

    def watch() -> None:
        number = 0
        while not ended.is_set():
            there, image = capture.read()
            if not there:
                break
            put(TimedFrame(number, clock(), cv2.cvtColor(image, cv2.COLOR_BGR2RGB)))
            number += 1
        put(None)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        while (frame := newest.get()) is not None:
            yield frame
    finally:
        ended.set()
        # A camera may wait for a frame.
        thread.join(timeout=2)
        capture.release()
