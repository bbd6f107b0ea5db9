"""Timelines made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dferclip_mm.faces.track_faces import TrackedFace
from dferclip_mm.inference.moments import Moment
from dferclip_mm.inference.tables import WINDOW_COLUMNS, FaceLog
from dferclip_mm.inference.timeline import EmotionTimeline
from dferclip_mm.media.timed_frames import TimedFrame

CLASSES = ('happiness', 'anger')


def small_timeline(
    *rows: tuple[int, float, float, float], moments: Sequence[Moment] = ()
) -> EmotionTimeline:
    """Windows as track, start, end and score of happiness; two frames a second, up to the end."""
    table = pd.DataFrame(
        [
            dict(
                video='a.mp4', track=track, start=start, end=end, frame_start=round(2 * start),
                frame_end=round(2 * end) - 1, x=1.0, y=2.0, w=30.0, h=40.0, face_score=0.99,
                coverage=1.0, label='happiness' if happy > 0.5 else 'anger',
                score=max(happy, 1 - happy), happiness=happy, anger=1 - happy,
            )
            for track, start, end, happy in rows
        ],
        columns=[*WINDOW_COLUMNS, *CLASSES],
    )  # fmt: skip
    log, tracked = FaceLog(), []
    for number in range(round(2 * max([end for _, _, end, _ in rows], default=2))):
        seen = sorted({track for track, start, end, _ in rows if start <= number / 2 < end})
        box, points = np.array([1.0, 2, 31, 42]), np.arange(10.0).reshape(5, 2)
        faces = [TrackedFace(track, box, points, 0.99, number % 3 > 0) for track in seen]
        tracked.append((TimedFrame(number, number / 2, np.zeros((2, 2, 3), np.uint8)), faces))
    assert [*log.note(tracked)] == tracked
    return EmotionTimeline(
        windows=table,
        faces=log.table('a.mp4', table, CLASSES),
        classes=CLASSES,
        info={'video': 'a.mp4', 'damage': ''},
        moments=moments,
    )
