"""A whole corpus of drawn clips on disk, laid out as its owners lay out DFEW.

Below the corpus folder, for each fold K:

- ``EmoLabel_DataSplit/{train,test}(single-labeled)/set_K.csv``: header ``video_name,label``;
- ``Clip/clip_224x224/00001/{1,2,…}.jpg``: frames, whose names only sort well as numbers;
- ``Clip/original/00001.mp4``: the same clips as videos;
- ``captions/set_K/{train,test}.txt``: MAFW's captions: GBK, CRLF, clip, word, Chinese, English;
- ``scores.csv``: mean intensity of the brows' and the mouth's action units in each clip;
- ``identities.csv``: who is seen in each clip; no one is in train and test of one fold;
- ``corpus.json``: what the corpus was asked to be, and how many frames each clip has.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from .action_units import BROW_UNITS, MOUTH_UNITS
from .captions import describe_clip
from .clips import draw_clip
from .expressions import CLASSES
from .identities import Identity, random_identity
from .layout import FRAMES_DIR, VIDEOS_DIR, Entry, write_frames, write_lists, write_video

PARTS = 5
_MANIFEST = 'corpus.json'
# Raised whenever the same request is drawn or written differently.
_EDITION = 2
# Streams of chance: identities and clips must not share one.
_IDENTITY_STREAM, _CLIP_STREAM, _CAST_STREAM = range(3)


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides what a corpus holds."""

    clips_per_class: int
    identities: int
    size: int
    min_frames: int
    max_frames: int
    folds: int
    seed: int
    edition: int = _EDITION

    def __post_init__(self) -> None:
        expectations = {
            'clips_per_class': (self.clips_per_class, 1, 14_000),
            'identities': (self.identities, PARTS, 100_000),
            'size': (self.size, 16, 1024),
            'min_frames': (self.min_frames, 2, self.max_frames),
            'folds': (self.folds, 1, PARTS),
            'seed': (self.seed, 0, 2**63 - 1),
        }
        for name, (value, lowest, highest) in expectations.items():
            if not lowest <= value <= highest:
                raise ValueError(
                    f'Expected {name} from {lowest} to {highest}, found {value}; change it.'
                )
        if self.size % 2:
            raise ValueError(
                f'Expected an even size, which videos need, found {self.size}; '
                f'take {self.size + 1}.'
            )


class _Role(NamedTuple):
    """One clip before it is drawn: its number, what it shows, and who is cast."""

    number: int
    emotion: str
    identity: int


def write_corpus(
    out_dir: str | Path,
    *,
    clips_per_class: int = 140,
    identities: int = 40,
    size: int = 96,
    min_frames: int = 12,
    max_frames: int = 24,
    folds: int = 1,
    seed: int = 0,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Write a corpus of drawn faces, or find the one that an earlier call has written.

    A complete corpus of the same request is left as it is; one of another request, or with files
    missing, is replaced. The corpus appears under its name only when it is whole.

    Args:
        out_dir: folder of the corpus.
        clips_per_class: clips of each of the seven expressions.
        identities: different people; they are dealt to five parts, part K tests fold K.
        size: side of a frame in pixels, even.
        min_frames: of the shortest clip.
        max_frames: of the longest clip.
        folds: how many of the five folds have lists.
        seed: the same request with the same seed gives the same corpus.
        workers: processes that draw; by default one for each available core.
        progress: whether to show a progress bar.

    Returns:
        The folder, as an absolute path.

    Raises:
        ValueError: for a request that cannot be drawn.
        FileExistsError: when `out_dir` holds anything but a corpus of this function.
    """
    # A link must not be mistaken for the folder: it could not be replaced.
    out_dir = Path(out_dir).resolve()
    request = Request(
        clips_per_class=clips_per_class,
        identities=identities,
        size=size,
        min_frames=min_frames,
        max_frames=max_frames,
        folds=folds,
        seed=seed,
    )
    if is_complete(out_dir, request):
        return out_dir
    if out_dir.exists() and not _is_ours(out_dir):
        # The layout is DFEW's own: what stands here may be the licensed original.
        raise FileExistsError(
            f'Expected {out_dir} to be missing, empty or a drawn corpus with its {_MANIFEST}, '
            'found other files; name another folder.'
        )
    partial = out_dir.with_name(f'.{out_dir.name}.partial-{os.getpid()}')
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write(partial, request, workers=workers, progress=progress)
        shutil.rmtree(out_dir, ignore_errors=True)
        partial.rename(out_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out_dir


def is_complete(out_dir: str | Path, request: Request) -> bool:
    """Whether a folder holds a corpus of this request with every frame, video and list."""
    out_dir = Path(out_dir)
    try:
        manifest = json.loads((out_dir / _MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return False
    if not isinstance(manifest, dict) or manifest.get('request') != asdict(request):
        return False
    if not all((out_dir / name).is_file() for name in manifest['lists']):
        return False
    videos = {path.stem for path in (out_dir / VIDEOS_DIR).glob('*.mp4')}
    for name, num_frames in manifest['frames'].items():
        frames = out_dir / FRAMES_DIR / name
        if name not in videos or not frames.is_dir() or len([*frames.iterdir()]) != num_frames:
            return False
    return True


def _is_ours(folder: Path) -> bool:
    return folder.is_dir() and ((folder / _MANIFEST).is_file() or not any(folder.iterdir()))


def _write(root: Path, request: Request, *, workers: int | None, progress: bool) -> None:
    roles, parts = _cast(request)
    root.mkdir(parents=True)
    tasks = [(root, request, role) for role in roles]
    entries = list(
        tqdm(
            _in_parallel(tasks, workers=workers),
            total=len(tasks),
            desc='Drawing clips',
            unit='clip',
            disable=not progress,
        )
    )
    manifest = {
        'request': asdict(request),
        'lists': write_lists(root, entries, parts=parts, folds=request.folds),
        'frames': {entry.name: entry.num_frames for entry in entries},
    }
    (root / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding='utf-8')


def _cast(request: Request) -> tuple[list[_Role], list[int]]:
    """Decide who shows what in which clip, and the part (from 0) of each identity.

    Clips of a class go around the identities, so that every part has some of each class.
    """
    rng = np.random.default_rng([request.seed, _CAST_STREAM])
    parts = [number % PARTS for number in range(request.identities)]
    pairs = []
    for emotion in CLASSES:
        first = int(rng.integers(request.identities))
        pairs += [
            (emotion, (first + take) % request.identities)
            for take in range(request.clips_per_class)
        ]
    # A clip's number must not tell its class.
    order = rng.permutation(len(pairs))
    roles = [_Role(number, *pairs[index]) for number, index in enumerate(order, start=1)]
    return roles, parts


@lru_cache(maxsize=256)
def _identity(seed: int, number: int) -> Identity:
    return random_identity(np.random.default_rng([seed, _IDENTITY_STREAM, number]))


def _in_parallel(
    tasks: list[tuple[Path, Request, _Role]], *, workers: int | None
) -> Iterator[Entry]:
    available = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else None
    workers = min(workers or available or os.cpu_count() or 1, len(tasks))
    if workers == 1:
        yield from map(_draw, tasks)
        return
    # A fork would copy the locks of other libraries' threads as they are, and could wait for ever.
    # Frames are too small to share out among OpenCV's threads.
    with multiprocessing.get_context('spawn').Pool(workers, cv2.setNumThreads, (0,)) as pool:
        yield from pool.imap(_draw, tasks, chunksize=4)


def _draw(task: tuple[Path, Request, _Role]) -> Entry:
    root, request, role = task
    rng = np.random.default_rng([request.seed, _CLIP_STREAM, role.number])
    identity = _identity(request.seed, role.identity)
    num_frames = int(rng.integers(request.min_frames, request.max_frames + 1))
    clip = draw_clip(identity, role.emotion, num_frames=num_frames, size=request.size, rng=rng)
    write_frames(root, role.number, clip.frames)
    write_video(root, role.number, clip.frames)
    return Entry(
        number=role.number,
        emotion=role.emotion,
        identity=role.identity,
        num_frames=num_frames,
        brow=float(clip.strength(*BROW_UNITS).mean()),
        mouth=float(clip.strength(*MOUTH_UNITS).mean()),
        caption=describe_clip(identity, clip, rng=rng),
    )
