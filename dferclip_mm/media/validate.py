"""Between a data set's clips and whatever decodes them: what may pass, and how it fails.

A pipeline may decode with the host's transforms, which hand a file to FFmpeg whatever is in it,
and whose errors name no file. So a clip is looked at before, and what they raise is put in words.
"""

from __future__ import annotations

import copy
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import torch
from mmaction.datasets import transforms as host

from ..datasets.clips import check_inside
from .errors import ClipReadError, clip_error
from .images import MAX_PIXELS, check_size, list_frames
from .packed import is_packed
from .videos import FFMPEG_OPTIONS, open_video, read_head

_HOSTS = (
    host.DecordInit,
    host.DecordDecode,
    host.OpenCVInit,
    host.OpenCVDecode,
    host.PyAVInit,
    host.PyAVDecode,
    host.PyAVDecodeMotionVector,
    host.PIMSInit,
    host.PIMSDecode,
    host.RawFrameDecode,
)
_HOST_FILES = {kind.__module__ for kind in _HOSTS}


class MediaValidator:
    """Runs a pipeline over clips that were looked at before.

    What takes as long as decoding does is done once, and kept in shared memory, so that a loader's
    workers know of each other's, and the next epoch's of the last one's.

    Args:
        roots: folders that nothing may lie outside of, links followed; None: anywhere.
        max_pixels: the most pixels that a video's frame may have, where the host decodes it.
    """

    def __init__(self, roots: Sequence[str] | None, *, max_pixels: int = MAX_PIXELS) -> None:
        self.roots = None if roots is None else [os.path.realpath(root) for root in roots]
        self.max_pixels = max_pixels
        self.clear(0)

    def clear(self, clips: int) -> None:
        """Begin with a data set of so many clips, none of them seen."""
        # Size, time and number of frames of each that was found sound.
        self._sound = torch.zeros(clips, 3, dtype=torch.int64).share_memory_()

    def __deepcopy__(self, memo: dict) -> MediaValidator:
        """For a copy of the data set, whose workers share what they find as well."""
        other = copy.copy(self)
        # A tensor that is copied is no longer shared.
        other._sound = self._sound.clone().share_memory_()
        return other

    def run(self, info: dict[str, Any], pipeline: Callable[[dict], Any]) -> Any:
        """What the pipeline makes of the clip ``info['filename']``, number ``info['sample_idx']``.

        Raises:
            ClipReadError: when the clip is none, would lead elsewhere, or a decoder fails on it.
        """
        place = {key: info.get(key) for key in ('filename', 'ann_file', 'ann_line')}
        steps = list(_steps(pipeline))
        used = host_decoders(map(type, steps))
        frames = None
        if used or getattr(steps[0], 'reads_files', True):
            frames = self.look(info, used)
        try:
            data = pipeline(info)
        except (ClipReadError, ImportError):
            raise
        except Exception as error:
            reason = _miscounted(info, frames) or _failure(error)
            if reason is None:
                raise
            raise clip_error(place, reason) from error
        reason = _miscounted(info, frames)
        if reason:
            raise clip_error(place, reason)
        return data

    def look(self, info: dict[str, Any], used: set[type]) -> int | None:
        """As `check`, of the clip ``info['filename']``; what is wrong is told with its place.

        Raises:
            ClipReadError: when it should not be decoded, or cannot be read.
        """
        try:
            return self.check(info['filename'], used, info.get('sample_idx'))
        except (ValueError, OSError) as error:
            raise clip_error(info, str(error)) from error

    def check(self, path: str, used: set[type], number: int | None = None) -> int | None:
        """Look at a clip before it is decoded.

        Args:
            path: of the folder or file.
            used: the host's decoders that will see it.
            number: of the clip in its data set; None: nothing is remembered.

        Returns:
            How many frames a video has, where the host decodes it.

        Raises:
            ValueError: when it should not be decoded.
            OSError: when it cannot be read.
        """
        status = os.stat(path)  # noqa: PTH116  half the time of Path's
        if stat.S_ISDIR(status.st_mode):
            self._check_entries(path)
            if host.RawFrameDecode in used:
                self._once(path, status, number, check_images)
            return None
        _refuse_special(path, status.st_mode)
        if is_packed(path):
            if used:
                raise ValueError('packed clips are read by ClipInit and ClipDecode alone')
            return None
        head = read_head(path)
        if used and (head[:1] == b'G' or head[:3] == b'\0\0\1'):
            raise ValueError(
                "the host's decoders find other frames in an MPEG stream, which has no index: "
                'decode with ClipInit'
            )
        if host.DecordInit in used and not Path(path).suffix:
            raise ValueError(
                'DecordInit would open another file, with .mp4 behind this name: give the file '
                'its suffix, or decode with ClipInit'
            )
        if not used:
            return None
        return self._once(path, status, number, partial(self._check_video, used))

    def _check_entries(self, folder: str) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                # The listing knows plain files and folders; the disk is asked of the rest.
                if entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False):
                    continue
                if entry.is_symlink():
                    check_inside(entry.path, self.roots)
                    # One that leads nowhere is no frame.
                    with suppress(OSError):
                        _refuse_special(entry.path, entry.stat().st_mode)
                else:
                    _refuse_special(entry.path, entry.stat().st_mode)

    def _once(
        self, path: str, status: os.stat_result, number: int | None, check: Callable[[str], int]
    ) -> int:
        """What ``check`` finds, or found before in a file that has not changed since."""
        if number is None or number >= len(self._sound):
            return check(path)
        size, time, frames = self._sound[number].tolist()
        if not frames or (size, time) != (status.st_size, status.st_mtime_ns):
            frames = check(path)
            self._sound[number] = torch.tensor([status.st_size, status.st_mtime_ns, frames])
        return frames

    def _check_video(self, used: set[type], path: str) -> int:
        frames = count_frames(path, self.max_pixels)
        decode_strictly(path)
        if host.OpenCVInit in used:
            check_for_opencv(path, frames)
        return frames


def _refuse_special(path: str, mode: int) -> None:
    """A decoder would wait for ever at a named pipe, and read a device to no end."""
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ValueError(
            f'expected files and folders alone, found a pipe, socket or device at {path}: '
            'take it away'
        )


def host_decoders(kinds: Iterable[type]) -> set[type]:
    """Which of the host's decoders are among some transforms, by their classes."""
    return {decoder for kind in kinds for decoder in _HOSTS if issubclass(kind, decoder)}


def check_images(folder: str) -> int:
    """See by their headers that the images of a folder can be decoded; how many there are.

    Raises:
        ValueError: when one is too large, or none.
        OSError: when one cannot be read.
    """
    paths = list_frames(folder)
    for path in paths:
        with Path(path).open('rb') as file:
            check_size(path, file)
    return len(paths)


def count_frames(path: str, max_pixels: int) -> int:
    """How many frames a video file holds, seen without decoding them where it is sound.

    Raises:
        ValueError: when it is no video, was cut short, or its frames are too large.
        OSError: when it cannot be read.
    """
    video = open_video(path, max_pixels)
    frames = len(video)
    video.close()
    return frames


def decode_strictly(path: str) -> None:
    """Decode a whole video with a decoder that forgives nothing, and keep none of it.

    The FFmpeg in decord's wheel is of 2018, and there are damaged frames that it does not survive.

    Raises:
        ValueError: when a frame is damaged.
    """
    try:
        with av.open(path, options=FFMPEG_OPTIONS, metadata_errors='replace') as container:
            context = container.streams.video[0].codec_context
            context.thread_type, context.thread_count = 'NONE', 1
            context.options = {'err_detect': 'explode'}
            damaged = any(frame.is_corrupt for frame in container.decode(video=0))
    except (av.FFmpegError, UnicodeError) as error:
        raise ValueError(f'a frame does not decode: {error}') from error
    if damaged:
        raise ValueError('a frame is damaged')


def check_for_opencv(path: str, frames: int) -> None:
    """See that OpenCV finds its way in a video; the host's loops around it would not end else.

    ``OpenCVDecode`` tries each of the frames that a header claims before it gives up, and mmcv's
    reader reads on from where OpenCV says that it is: 2e17 frames before the first, after a
    picture that did not decode.

    Raises:
        ValueError: when OpenCV counts other frames, or is elsewhere than it was sent.
    """
    capture = cv2.VideoCapture(path)
    try:
        reason = _miscounted({'total_frames': int(capture.get(cv2.CAP_PROP_FRAME_COUNT))}, frames)
        if reason:
            raise ValueError(reason)
        if not capture.grab():
            raise ValueError('its first frame does not decode')
        for number in (frames // 2, frames - 1):
            capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            if not 0 <= capture.get(cv2.CAP_PROP_POS_FRAMES) <= frames:
                raise ValueError('OpenCV does not find its frames: decode with ClipInit')
    finally:
        capture.release()


def _miscounted(info: dict[str, Any], frames: int | None) -> str | None:
    """The host counts by headers: it repeats frames where there are fewer, or finds none."""
    believed = info.get('total_frames')
    if frames is None or believed is None or 1 <= believed <= frames + 1:
        return None
    return f'the decoder counts {believed} frames where there are {frames}: decode with ClipInit'


def _steps(step: Any) -> Iterator[Any]:
    """The transforms of a pipeline, those within others too, such as ``RandomApply``'s."""
    inner = getattr(step, 'transforms', None)
    if not isinstance(inner, Sequence) or isinstance(inner, str):
        inner = [] if inner is None else [inner]
    for each in inner:
        yield from _steps(each)
    yield step


def _failure(error: BaseException) -> str | None:
    """What one of the host's decoders died of, wherever in a pipeline it stands; else None."""
    step = error.__traceback__
    while step is not None:
        owner = step.tb_frame.f_locals.get('self')
        # In the host's own lines: what a user adds to its classes may be the user's mistake.
        if isinstance(owner, _HOSTS) and step.tb_frame.f_globals.get('__name__') in _HOST_FILES:
            words = (str(error).strip().splitlines() or [''])[0][:200]
            return f'{type(owner).__name__} fails on it: {type(error).__name__}: {words}'
        step = step.tb_next
    return None
