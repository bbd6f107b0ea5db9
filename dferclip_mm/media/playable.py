"""Videos that every browser plays."""

from __future__ import annotations

import os
import shutil
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

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

    # Where the header says no duration, all sound is kept.
    frames, end = until_damage(read_timed_frames(video), []), read_duration(video) or float('inf')
    atomic_write(path, lambda temporary: write_video(str(temporary), frames, video, end))


def page_address(page: str | Path, video: str, embed: int) -> str | None:
    """The address of a video in a page: inside it up to ``embed`` bytes, or else relative to it.

    Where browsers do not play it, a copy is made; of a page ``report.html`` a large one is
    ``report.video.mp4`` beside it. None where there is no file.
    Raises ValueError when the copy would take the video's place.
    """
    source = Path(video)
    if not source.is_file():
        return None
    converted = not is_playable(video)
    if converted:
        source = Path(page).with_suffix('.video.mp4')
        if source.exists() and source.samefile(video):
            raise ValueError(f'{source}: a copy for the page would replace it, rename the video')
        write_playable(source, video)
    if source.stat().st_size > embed:
        return quote(os.path.relpath(source, Path(page).parent))
    kind = 'webm' if source.suffix == '.webm' else 'mp4'
    address = data_url(source.read_bytes(), f'video/{kind}')
    if converted:
        source.unlink()
    return address


def data_url(data: bytes, kind: str) -> str:
    """A file inside a page; ``kind`` is its MIME type."""
    return f'data:{kind};base64,{b64encode(data).decode("ascii")}'
