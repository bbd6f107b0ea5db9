"""FFmpeg's video streams: opened with care, their lengths, and their frames as RGB."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

# Writers compute a display matrix from an angle.
_ROUNDING = 1e-3
# FFmpeg may open only this file, and no format that names others.
_OPTIONS = {
    'protocol_whitelist': 'file',
    # FFmpeg's defaults: the tracks of a movie do not lie in other files.
    'enable_drefs': '0',
    'use_absolute_path': '0',
    'format_whitelist': (
        'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,flv,asf,ogg'
    ),
}


def open_stream(path: str, max_pixels: int) -> tuple[Any, Any]:
    """A video file's container and its best video stream, which decodes in one thread.

    Raises:
        ValueError: if it does not open, has no video stream, or frames that are too large.
    """
    try:
        container = av.open(path, options=_OPTIONS, metadata_errors='replace')
    except (av.FFmpegError, UnicodeError) as error:
        raise ValueError(
            f'expected a video, found one that does not open: {first_line(error)}'
        ) from error
    try:
        stream = container.streams.best('video')
        if stream is None or stream.codec_context is None:
            raise ValueError('expected a video, found a file without a video stream')
        context: Any = stream.codec_context
        if context.width * context.height > max_pixels:
            raise ValueError(
                f'expected frames of at most {max_pixels} pixels, found {context.width} x '
                f'{context.height}: scale the video down or raise max_pixels'
            )
        # There are many workers, and threads do not survive a fork.
        context.thread_type, context.thread_count = 'NONE', 1
        # A frame may declare a larger size than the container.
        context.options = {'max_pixels': str(max_pixels)}
    except BaseException:
        container.close()
        raise
    return container, stream


def check_duration(seconds: float, container: Any, stream: Any) -> None:
    """Refuse pictures that end long before the header says; sound may be longer than they are."""
    declared = declared_duration(container, stream)
    if seconds < 0.9 * declared - 0.1:
        raise ValueError(
            f'its header declares {declared:.1f} seconds, and it holds {seconds:.1f}: it is cut '
            'short or damaged'
        )


def declared_duration(container: Any, stream: Any) -> float:
    """The seconds of a video by its header; 0 where it does not say."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def to_rgb(frame: Any, reformatter: VideoReformatter) -> np.ndarray:
    """A decoded frame as uint8 RGB (H, W, 3), turned and mirrored as its file says."""
    # By default PyAV converts each frame in a pool of threads.
    image = reformatter.reformat(frame, format='rgb24', threads=1).to_ndarray()
    matrix = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return image
    return _show(image, np.frombuffer(bytes(matrix), np.int32).reshape(3, 3))


def _show(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A stored frame, turned and mirrored by the display matrix of its file.

    The matrix is FFmpeg's, in 1/65536, with the rows abu, cdv, xyw: the stored pixel (x, y) is
    shown at (ax + cy, bx + dy), but for a shift.
    """
    weights = matrix[:2, :2] / 65536
    turned = abs(weights[0, 1]) > abs(weights[0, 0])
    # Rows become columns first; what is left can only mirror.
    mirrors = weights[::-1] if turned else weights
    if np.abs(np.abs(mirrors) - np.eye(2)).max() > _ROUNDING:
        a, b, c, d = weights.ravel()
        raise ValueError(
            'expected a video that is turned by quarters or mirrored, found the display matrix '
            f'{a:g} {b:g} {c:g} {d:g}: re-encode it upright'
        )
    columns, rows = np.sign(mirrors.diagonal()).astype(int)
    return (image.transpose(1, 0, 2) if turned else image)[::rows, ::columns]


def first_line(error: Exception) -> str:
    """The first line of an error's message, at most 200 characters."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
