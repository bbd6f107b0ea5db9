"""Between a data set's clips and whatever decodes them: what may pass, and how it fails.

A pipeline may decode with the host's transforms, which hand a file to FFmpeg whatever is in it,
and whose errors name no file. So a clip is looked at before, and what they raise is put in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
from mmaction.datasets import transforms as host

from .clips import check_inside
from .transforms.errors import ClipReadError, clip_error
from .transforms.packed import is_packed
from .transforms.video import _OPTIONS as FFMPEG_OPTIONS
from .transforms.video import is_video, open_video

_HEAD_BYTES = 1 << 16
# As much as FFmpeg looks at before it takes a text for what it is.
_TEXT_BYTES = 1 << 20
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


class MediaGuard:
    """Runs a pipeline over clips that were looked at before.

    Args:
        roots: folders that nothing may lie outside of, links followed; None: anywhere.
        max_pixels: the most pixels that a video's frame may have, where the host decodes it.
    """

    def __init__(self, roots: Sequence[str] | None, *, max_pixels: int = 4096 * 4096) -> None:
        self.roots = None if roots is None else [os.path.realpath(root) for root in roots]
        self.max_pixels = max_pixels
        # Looked at once in each process: it takes as long as decoding does.
        self._frames: dict[tuple[str, int, int], int] = {}

    def run(self, info: dict[str, Any], pipeline: Callable[[dict], Any]) -> Any:
        """What the pipeline makes of the clip ``info['filename']``.

        Raises:
            ClipReadError: when the clip is none, would lead elsewhere, or a decoder fails on it.
        """
        place = {key: info.get(key) for key in ('filename', 'ann_file', 'ann_line')}
        used = {type(step) for step in getattr(pipeline, 'transforms', ()) if type(step) in _HOSTS}
        try:
            frames = self.check(info['filename'], used)
        except (ValueError, OSError) as error:
            raise clip_error(place, str(error)) from error
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

    def check(self, path: str, used: set[type]) -> int | None:
        """Look at a clip before it is decoded.

        Args:
            path: of the folder or file.
            used: the host's decoders that will see it.

        Returns:
            How many frames a video has, where the host decodes it.

        Raises:
            ValueError: when it should not be decoded.
            OSError: when it cannot be read.
        """
        if Path(path).is_dir():
            if self.roots is not None:
                with os.scandir(path) as entries:
                    for entry in entries:
                        if entry.is_symlink():
                            check_inside(entry.path, self.roots)
            return None
        if is_packed(path):
            if used:
                raise ValueError('packed clips are read by OpenClip and DecodeClip alone')
            return None
        with Path(path).open('rb') as file:
            head = file.read(_HEAD_BYTES)
            if b'\0' not in head:
                head += file.read(_TEXT_BYTES - _HEAD_BYTES)
        if not head:
            raise ValueError('expected a video, found an empty file')
        if not is_video(head):
            raise ValueError('expected a video container, found other content')
        if used and (head[:1] == b'G' or head[:3] == b'\0\0\1'):
            raise ValueError(
                "the host's decoders find other frames in an MPEG stream, which has no index: "
                'decode with OpenClip'
            )
        if host.DecordInit in used and not Path(path).suffix:
            raise ValueError(
                'DecordInit would open another file, with .mp4 behind this name: give the file '
                'its suffix, or decode with OpenClip'
            )
        if not used:
            return None
        stat = Path(path).stat()
        known = (path, stat.st_size, stat.st_mtime_ns)
        if known in self._frames:
            return self._frames[known]
        frames = count_frames(path, self.max_pixels)
        decode_strictly(path)
        if host.OpenCVInit in used:
            check_for_opencv(path, frames)
        self._frames[known] = frames
        return frames


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
                raise ValueError('OpenCV does not find its frames: decode with OpenClip')
    finally:
        capture.release()


def _miscounted(info: dict[str, Any], frames: int | None) -> str | None:
    """The host counts by headers: it repeats frames where there are fewer, or finds none."""
    believed = info.get('total_frames')
    if frames is None or believed is None or 1 <= believed <= frames + 1:
        return None
    return f'the decoder counts {believed} frames where there are {frames}: decode with OpenClip'


def _failure(error: BaseException) -> str | None:
    """What one of the host's decoders died of, wherever in a pipeline it stands; else None."""
    step = error.__traceback__
    while step is not None:
        owner = type(step.tb_frame.f_locals.get('self'))
        if owner in _HOSTS:
            words = (str(error).strip().splitlines() or [''])[0][:200]
            return f'{owner.__name__} fails on it: {type(error).__name__}: {words}'
        step = step.tb_next
    return None
