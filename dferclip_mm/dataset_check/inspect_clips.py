"""What is in a clip: every frame decoded, by the readers that a run decodes it with."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from ..media.errors import ClipReadError
from ..media.images import FrameList, has_orientation, list_frames
from ..media.spans import split_span
from ..transforms import ClipInit
from ..transforms.clip_opener import open_clip_frames


@dataclass
class ClipReport:
    """What was found in one clip.

    Attributes:
        path: of the frame folder or video.
        frames: that decode.
        sizes: (height, width) -> frames.
        problems: (kind of finding, message).
        orientation: frames whose orientation tag is ignored.
        digest: SHA-256 of the files' content in order; ``''`` where there is none.
    """

    path: str
    frames: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    orientation: int = 0
    digest: str = ''

    @property
    def unread(self) -> bool:
        """Whether a frame of it could not be read."""
        return any(kind != 'header count' for kind, _ in self.problems)


def inspect_clip(path: str, clip_init: ClipInit) -> ClipReport:
    """Decode every frame of a clip; problems are reported, nothing is raised.

    Args:
        path: of a frame folder or video.
        clip_init: opens it, as the run does.
    """
    report = ClipReport(path)
    try:
        with open_clip_frames({'filename': path}, clip_init) as reader:
            _inspect_opened(reader, report)
    except ClipReadError as error:
        kind = 'empty clip' if _is_empty(path) else 'undecodable'
        report.problems.append((kind, _brief(error, path)))
    except Exception as error:  # one clip must not end the check of the others
        reason = f'reading it fails with {type(error).__name__}: {error}'
        report.problems.append(('undecodable', reason[:300]))
    return report


def _inspect_opened(reader: Any, report: ClipReport) -> None:
    paths: Sequence[Any] = reader.frames if isinstance(reader, FrameList) else []
    for index in range(len(reader)):
        try:
            height, width = reader.read(index).shape[:2]
        except (ValueError, OSError) as error:
            report.problems.append(('undecodable', _brief(error, report.path)))
            if not paths:
                # After a damaged frame of a video the decoder's output is arbitrary.
                break
        else:
            report.frames += 1
            report.sizes[height, width] += 1
    report.orientation = sum(map(has_orientation, paths))
    declared = getattr(reader, 'declared', 0)
    if report.frames < declared and not report.problems:
        message = f'its header counts {declared} frames, {report.frames} are there'
        report.problems.append(('header count', message))
    # A part of a video has no content of its own to compare.
    whole = split_span(report.path)[1] is None
    report.digest = _digest(paths or [report.path]) if whole else ''


def inspect_clips(clips: Sequence[tuple[str, ClipInit]], workers: int) -> Iterator[ClipReport]:
    """The report of each clip, as they come; a clip that kills its process is found as well.

    Args:
        clips: (path, what opens it), each path once.
        workers: processes; 0: in this one.
    """
    if not workers:
        yield from (inspect_clip(*clip) for clip in clips)
        return
    read = set()
    with _processes(workers) as pool, suppress(BrokenProcessPool):
        try:
            for done in as_completed([pool.submit(inspect_clip, *clip) for clip in clips]):
                report = done.result()
                read.add(report.path)
                yield report
        finally:
            # Of use after Ctrl-C only: else all are done.
            pool.shutdown(cancel_futures=True)
    # A process died, and the pool lost the others' clips: each in a process of its own tells
    # which clip it was.
    for clip in clips:
        if clip[0] in read:
            continue
        with _processes(1) as pool:
            try:
                yield pool.submit(inspect_clip, *clip).result()
            except BrokenProcessPool:
                yield ClipReport(clip[0], problems=[('undecodable', 'its decoder crashes')])


def _processes(workers: int) -> ProcessPoolExecutor:
    # A fork starts at once; a spawned process would first import MMAction2. A fork has OpenCV's
    # list of threads without the threads, and would wait for them for ever: 0 uses none. (1 would
    # end those that there are, and wait for ever in a process that is a fork itself.)
    cv2.setNumThreads(0)
    method = 'fork' if sys.platform == 'linux' else None
    return ProcessPoolExecutor(workers, multiprocessing.get_context(method), _init_worker)


def _init_worker() -> None:
    cv2.setNumThreads(0)  # where processes are spawned
    # The report says what the transforms would warn of.
    logging.disable(logging.WARNING)


def _digest(paths: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            with Path(path).open('rb') as file:
                for block in iter(partial(file.read, 1 << 20), b''):
                    digest.update(block)
        except OSError:
            return ''
    return digest.hexdigest()


def _is_empty(path: str) -> bool:
    there = Path(path)
    try:
        return not list_frames(path) if there.is_dir() else there.stat().st_size == 0
    except OSError:
        return False


def _brief(error: Exception, path: str) -> str:
    """The message without the path, which the report names itself."""
    return str(error).removeprefix(path).lstrip(f':{os.sep}').strip()
