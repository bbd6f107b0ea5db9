"""A cheap check of a clip before any decoder sees it."""

from __future__ import annotations

from pathlib import Path

from .packed import is_packed
from .video_files import read_head


def check_clip(path: str) -> None:
    """Check that a clip is a folder, a packed clip or a video container.

    Only the first bytes of a video are read. FFmpeg opens the files and addresses that a playlist
    names, and MMAction2's decoders give it any file.

    Args:
        path: of a frame folder, a video or a packed clip.

    Raises:
        ValueError: if it is none of these.
        OSError: if it cannot be read.
    """
    if not (Path(path).is_dir() or is_packed(path)):
        read_head(path)
