"""Packed clips: all frames of a clip, decoded once, in their own size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..media.errors import clip_error
from ..media.packed import name_frames
from ..transforms.clip_opener import open_clip_frames
from .clip_store import ClipStore
from .source_clips import SourceClip


def read_frames(clip: SourceClip) -> list[np.ndarray]:
    """All frames of a clip, uint8 RGB (H, W, 3); a ClipReadError names one that is damaged."""
    with open_clip_frames(clip.item, clip.clip_init) as reader:
        try:
            return [reader.read(number) for number in range(len(reader))]
        except (ValueError, OSError) as error:
            raise clip_error(clip.item, str(error)) from error


def packed_bytes(reader: Any) -> int:
    """The size of a packed clip, from its number of frames and its first frame."""
    return len(reader) * reader.read(0).nbytes


def pack_clip(clip: SourceClip, store: ClipStore) -> None:
    """Write the frames of one clip; a ClipReadError says that it cannot be read."""
    source = clip.state()
    store.write(clip.name, name_frames(read_frames(clip)), source)
