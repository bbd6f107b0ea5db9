"""Computing frame features: all frames of each clip through a frozen image backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose

from ..media.errors import ClipReadError
from ..models.pool import pool_frames
from .clip_store import ClipStore
from .frame_features import write_features
from .source_clips import SourceClip, SourceState, map_clips


def decode_clip(
    clip: SourceClip, pixels: Callable[[dict], Any]
) -> tuple[str, torch.Tensor, SourceState]:
    """A clip's name, its frames (T, 3, H, W) through transforms, and its state before.

    Raises:
        ClipReadError: when it cannot be read.
    """
    source = clip.state()
    opened = clip.clip_init(clip.item)
    total = opened['total_frames']
    sampled = dict(frame_inds=np.arange(total), clip_len=total, num_clips=1)
    frames = pixels({**opened, **sampled})['imgs']
    return clip.name, torch.from_numpy(frames), source


@torch.no_grad()
def encode_frames(model: Any, frames: torch.Tensor, batch_size: int = 64) -> np.ndarray:
    """The backbone's features of frames: uint8 (T, 3, H, W) -> float32 (T, D).

    The model is a recognizer without ``num_frames``, in evaluation mode: clips have any length.
    """
    features = []
    for part in frames.split(batch_size):
        data = model.data_preprocessor({'inputs': [part], 'data_samples': [None]}, training=False)
        found, _ = model.extract_feat(data['inputs'], stage='backbone', test_mode=True)
        features.append(pool_frames(found).float().cpu())
    return torch.cat(features).numpy()


def cache_frames(
    model: Any,
    clips: Sequence[SourceClip],
    store: ClipStore,
    pixels: Sequence[Mapping[str, Any]],
    *,
    batch_size: int = 64,
    num_workers: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> list[ClipReadError]:
    """Compute and write the features of clips.

    Args:
        model, batch_size: as for `encode_frames`.
        clips: whose features are missing.
        store: the folder of features, with the identity of the model.
        pixels: the transforms between sampling and packing.
        num_workers: processes that decode.
        progress: wraps the clips.

    Returns:
        The errors of clips that could not be read; they have no features.
    """
    unread = []
    decode = partial(decode_clip, pixels=Compose(list(pixels)))
    for result in progress(map_clips(decode, clips, num_workers)):
        if isinstance(result, ClipReadError):
            unread.append(result)
        else:
            name, frames, source = result
            write_features(store, name, encode_frames(model, frames, batch_size), source)
    return unread
