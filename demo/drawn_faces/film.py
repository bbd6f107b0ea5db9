"""A film: people who move through shots and change their expressions at known times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from .action_units import ACTION_UNITS
from .expressions import Course, unit_tracks
from .faces import face_landmarks, paint_person
from .identities import Identity, random_identity
from .scenes import expose, random_scene
from .strokes import HALF_FACE, Image, Points, Pose

# An expression begins after a sixth of its act, and is full from a third to four fifths.
_COURSE = Course(onset=0.15, rise=0.2, offset=0.8, remains=0.0)
_SAMPLES_PER_SECOND = 12
_TICKS = 90_000
# Streams of chance: looks, rooms and movements must not share one.
_LOOKS, _ROOMS, _MOVES = range(3)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One expression, from rest to rest; times in seconds of the film."""

    emotion: str
    start: float
    end: float

    def phase(self, time: float) -> str:
        """``rest``, ``onset``, ``apex`` or ``offset`` at a time within the act."""
        share = (time - self.start) / (self.end - self.start)
        steps = (_COURSE.onset, _COURSE.onset + _COURSE.rise, _COURSE.offset)
        return ('rest', 'onset', 'apex', 'offset')[sum(share >= step for step in steps)]


@dataclass(frozen=True, kw_only=True)
class Role:
    """What one person does in a shot.

    `path` holds moments (time, x, y, height): where the middle of the face is and how high the
    face, as shares of the frame's height, with straight lines between. A person may be outside of
    the frame. Between `acts` the face is at rest.
    """

    person: int
    path: Sequence[tuple[float, float, float, float]]
    acts: Sequence[Act] = ()

    def act_at(self, time: float) -> Act | None:
        """The act that is played at a time."""
        return next((act for act in self.acts if act.start <= time < act.end), None)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One view; the roles are painted in order, so the last one is in front."""

    start: float
    roles: Sequence[Role] = ()


@dataclass(frozen=True, kw_only=True)
class Film:
    """Shots one after the other; `times` of the frames are in seconds."""

    shots: Sequence[Shot]
    times: Sequence[float]
    width: int = 1280
    height: int = 720
    seed: int = 0


def standard_film(*, width: int = 1280, height: int = 720, seed: int = 0) -> Film:
    """Twenty seconds: two people cross; a cut; one leaves and comes back; an empty room; one."""
    crossing = Shot(
        start=0.0,
        roles=(
            Role(
                person=0,
                path=((0, 0.45, 0.4, 0.26), (2.5, 0.45, 0.4, 0.26), (5.5, 1.35, 0.4, 0.26)),
                acts=(
                    Act(emotion='happiness', start=0.2, end=2.6),
                    Act(emotion='surprise', start=5.4, end=7.8),
                ),
            ),
            Role(
                person=1,
                path=((0, 1.35, 0.42, 0.28), (2.5, 1.35, 0.42, 0.28), (5.5, 0.45, 0.42, 0.28)),
                acts=(
                    Act(emotion='sadness', start=0.0, end=2.4),
                    Act(emotion='anger', start=5.5, end=7.9),
                ),
            ),
        ),
    )
    leaving = Shot(
        start=8.0,
        roles=(
            Role(
                person=1,
                path=(
                    (8, 1.4, 0.35, 0.24),
                    (9, 1.4, 0.35, 0.24),
                    (10.5, 2.0, 0.35, 0.24),
                    (12, 2.0, 0.35, 0.24),
                    (13.5, 1.4, 0.35, 0.24),
                ),
                acts=(Act(emotion='happiness', start=13.0, end=15.0),),
            ),
            Role(
                person=0,
                path=((8, 0.55, 0.45, 0.55),),
                acts=(
                    Act(emotion='fear', start=8.2, end=11.2),
                    Act(emotion='disgust', start=12.0, end=15.0),
                ),
            ),
        ),
    )
    alone = Role(
        person=1,
        path=((17, 0.8, 0.4, 0.4), (20, 1.0, 0.4, 0.4)),
        acts=(Act(emotion='surprise', start=17.2, end=19.8),),
    )
    return Film(
        shots=(crossing, leaving, Shot(start=15.0), Shot(start=17.0, roles=(alone,))),
        times=[number / 25 for number in range(500)],
        width=width,
        height=height,
        seed=seed,
    )


def draw_film(film: Film) -> Iterator[tuple[Image, dict[str, Any]]]:
    """Draw a film frame by frame.

    Yields:
        A frame (height, width, 3) uint8 RGB, and its truth: ``index``, ``time``, ``shot`` and
        ``faces``. A face has its ``person``, ``box`` (left, top, right, bottom) and ``landmarks``
        (see `face_landmarks`) in pixels, its ``emotion`` (None between acts) and ``phase``, and the
        share of it that is ``visible``: inside the frame and behind nobody.
    """
    starts = [shot.start for shot in film.shots]
    for number, shot in enumerate(film.shots):
        rng = np.random.default_rng([film.seed, _ROOMS, number])
        scene = random_scene(rng, size=film.width)
        room, light = (
            each[: factor * film.height]
            for each, factor in ((scene.background, 2), (scene.light, 1))
        )
        view = type(scene)(background=room, light=light, noise=scene.noise)
        cast = [_Player(film, number, role) for role in shot.roles]
        end = starts[number + 1] if number + 1 < len(starts) else np.inf
        for index, time in enumerate(film.times):
            if not shot.start <= time < end:
                continue
            canvas = room.copy()
            for player in cast:
                player.paint(canvas, time)
            frame = cv2.resize(canvas, (film.width, film.height), interpolation=cv2.INTER_AREA)
            faces = [player.truth(time, cast[order + 1 :]) for order, player in enumerate(cast)]
            truth = dict(index=index, time=round(time, 6), shot=number, faces=faces)
            yield expose(frame[None], view, rng=rng)[0], truth


class _Player:
    """A role with the person's looks, and the movements that nobody has written down."""

    def __init__(self, film: Film, shot: int, role: Role) -> None:
        self.film, self.role = film, role
        self.identity: Identity = random_identity(
            np.random.default_rng([film.seed, _LOOKS, role.person])
        )
        self.rng = np.random.default_rng([film.seed, _MOVES, shot, role.person])
        self.sway = self.rng.uniform(0, 2 * np.pi, 3)
        self.tracks = [self._tracks(act) for act in role.acts]

    def _tracks(self, act: Act) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        samples = max(2, round((act.end - act.start) * _SAMPLES_PER_SECOND))
        tracks = unit_tracks(act.emotion, num_frames=samples, course=_COURSE, rng=self.rng)
        return np.linspace(act.start, act.end, samples), tracks

    def units(self, time: float) -> dict[int, float]:
        """The action units at a time."""
        act = self.role.act_at(time)
        if act is None:
            return {}
        times, tracks = self.tracks[self.role.acts.index(act)]
        columns = zip(ACTION_UNITS, tracks.T, strict=True)
        return {unit: float(np.interp(time, times, track)) for unit, track in columns}

    def pose(self, time: float) -> tuple[Pose, tuple[float, float]]:
        """The pose of the head, and the place of the person."""
        moments, *values = zip(*self.role.path, strict=True)
        x, y, height = (float(np.interp(time, moments, value)) for value in values)
        yaw, pitch, roll = np.sin(2 * np.pi * 0.3 * time + self.sway) * (0.15, 0.06, 0.06)
        pose = Pose(yaw=yaw, pitch=pitch, roll=roll, scale=height / (2 * HALF_FACE))
        return pose, (x - 0.5, y - 0.52)

    def paint(self, canvas: Image, time: float) -> None:
        """Paint the person as they are at a time."""
        pose, place = self.pose(time)
        paint_person(canvas, self.identity, self.units(time), pose=pose, place=place)

    def box(self, time: float) -> Points:
        """Left, top, right and bottom of the face in pixels: from the crown to the chin."""
        pose, (x, y) = self.pose(time)
        half = HALF_FACE * pose.scale * np.array([self.identity.face_width, 1.0])
        centre = np.array([x + 0.5, y + 0.52])
        return self.film.height * np.concatenate([centre - half, centre + half])

    def truth(self, time: float, in_front: Sequence[_Player]) -> dict[str, Any]:
        """What the film's truth says of this face in one frame."""
        pose, (x, y) = self.pose(time)
        there = Pose(yaw=pose.yaw, pitch=pose.pitch, roll=pose.roll, scale=pose.scale,
                     shift_x=x, shift_y=y)  # fmt: skip
        size = self.film.height
        points = face_landmarks(self.identity, self.units(time), pose=there, size=size)
        act = self.role.act_at(time)
        box = self.box(time)
        seen = _share(box, (0, 0, self.film.width, size))
        hidden = max((_share(box, other.box(time)) for other in in_front), default=0.0)
        return dict(
            person=self.role.person,
            box=box.round(2).tolist(),
            landmarks=points.round(2).tolist(),
            emotion=act.emotion if act else None,
            phase=act.phase(time) if act else 'rest',
            visible=round(max(0.0, seen - hidden), 3),
        )


def _share(box: Points, other: Sequence[float] | Points) -> float:
    """The share of a box that lies in another one."""
    other = np.asarray(other)
    sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    return float(sides.clip(0).prod() / (box[2:] - box[:2]).prod())


def write_film(path: str | Path, film: Film) -> Path:
    """Write a film as H.264, with the times of its frames, and its truth beside it.

    Returns:
        The file of the truth, ``<name>.json``: ``width``, ``height``, ``cuts`` (times) and
        ``frames`` (see `draw_film`).

    Raises:
        ValueError: for an odd width or height, which H.264 cannot have here.
    """
    if film.width % 2 or film.height % 2:
        raise ValueError(f'Expected even sides, found {film.width} x {film.height}; change them.')
    path = Path(path)
    frames = []
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, 'yuv420p'
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.options = {'crf': '20', 'preset': 'veryfast', 'threads': '1'}
        for image, truth in draw_film(film):
            picture = av.VideoFrame.from_ndarray(image, format='rgb24')
            picture.pts, picture.time_base = round(truth['time'] * _TICKS), Fraction(1, _TICKS)
            file.mux(stream.encode(picture))
            frames.append(truth)
        file.mux(stream.encode())
    content = dict(
        width=film.width,
        height=film.height,
        cuts=[shot.start for shot in film.shots[1:]],
        frames=frames,
    )
    out = path.with_suffix('.json')
    out.write_text(json.dumps(content) + '\n', encoding='utf-8')
    return out
