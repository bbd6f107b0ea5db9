"""Videos that every browser plays."""

from __future__ import annotations

import shutil
from pathlib import Path

import av

from ..files import atomic_write
from .timed_frames import read_duration, read_timed_frames, until_damage
from .write_video import write_video

# Not HEVC, as of many phones, and nothing with more than eight bits.
_KINDS = {'.mp4': ('h264',), '.m4v': ('h264',), '.mov': ('h264',), '.webm': ('vp8', 'vp9')}


def is_playable(video: str) -> bool:
    """Whether a file is of a kind that every browser plays, such as H.264 in MP4."""
    with av.open(video) as container:
        coder = container.streams.best('video').codec_context
        name, pixels = coder.name, coder.pix_fmt
    return name in _KINDS.get(Path(video).suffix.lower(), ()) and pixels in ('yuv420p', 'yuvj420p')


def write_playable(path: str | Path, video: str) -> None:
    """Copy a video as MP4; one of another kind is encoded again, as H.264, up to a damage.

    Raises:
        ValueError, OSError: when it cannot be read or written.
    """
    if is_playable(video) and Path(video).suffix.lower() != '.webm':
        atomic_write(path, lambda temporary: shutil.copyfile(video, temporary))
        return

    frames, end = until_damage(read_timed_frames(video), []), read_duration(video)
    atomic_write(path, lambda temporary: write_video(str(temporary), frames, video, end))
