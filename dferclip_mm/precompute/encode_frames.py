"""Features of all frames of a corpus by a frozen image backbone, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import Compose
from torch.utils.data import DataLoader, Dataset

from ..media.errors import ClipReadError
from ..models.recognizers.frame_recognizer import pool_frames
from ..transforms.clip_opener import ClipOpener, opened_clip
from .feature_cache_writer import FrameCacheWriter
from .fingerprints import ClipState, held_still

_DECODED_AT_ONCE = 64
_COUNTED = 200


def identity_of(model: Any) -> dict[str, Any]:
    """What of a recognizer decides on the features of a frame.

    Returns:
        ``encoder`` (its class and a hash of its layers), ``weights`` (their fingerprint), and
        ``data_preprocessor`` (order of channels, mean and deviation).

    Raises:
        ValueError: when the backbone's weights can change or cannot be found again, so that
            features kept of them would be worth nothing.
    """
    backbone, pixels = model.backbone, model.data_preprocessor
    mark = getattr(backbone, 'visual_fingerprint', None)
    if mark is None:
        raise ValueError(
            'frame features are kept of frozen weights that can be loaded again: use '
            "backbone=dict(type='CLIPVisualEncoder', frozen=True, pretrained=...)"
        )
    layers = layers_fingerprint(backbone.visual)
    normalised = {name: getattr(pixels, name, None) for name in ('mean', 'std')}
    return {
        'encoder': f'{type(backbone).__name__} {layers}',
        'weights': bytes(mark.tolist()).hex(),
        'data_preprocessor': {
            'to_rgb': pixels.to_rgb,
            'format_shape': pixels.format_shape,
            **{
                name: None if value is None else value.flatten().tolist()
                for name, value in normalised.items()
            },
        },
    }


def layers_fingerprint(tower: torch.nn.Module) -> str:
    """A hash of a tower's layers and their settings, without weights.

    It tells towers of equal weights apart: with and without QuickGELU, of other heads.
    """
    digest = hashlib.sha256(repr(tower).encode())
    for name, module in tower.named_modules():
        settings = {
            key: value
            for key, value in vars(module).items()
            if key != 'training' and isinstance(value, bool | int | float | str | tuple)
        }
        digest.update(f'{name}{sorted(settings.items())}'.encode())
    return digest.hexdigest()[:16]


class DecodedClip(NamedTuple):
    """A clip with all its frames (T, 3, H, W) and the state of their files, or why it has none."""

    path: str
    frames: torch.Tensor | None
    state: ClipState | None
    error: str


class _KeptOpen:
    """A clip's reader that decoding a part of the clip does not close."""

    def __init__(self, reader: Any) -> None:
        self.read, self._frames = reader.read, len(reader)

    def __len__(self) -> int:
        return self._frames

    def close(self) -> None:
        """The next part is read from here."""


class WholeClips(Dataset):
    """All frames of each clip through the transforms between sampling and packing.

    Args:
        items: what the corpus says of each clip, and its ``opener``; without one, it is one's own.
        pixels: those transforms.
    """

    def __init__(self, items: Sequence[dict], pixels: Sequence[Mapping[str, Any]]) -> None:
        self.items, self.pixels = items, Compose(list(pixels))

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> DecodedClip:
        """Decode one clip, a part at a time, so that a long video fits into memory."""
        item, opener = _with_opener(self.items[index])
        path = item['filename']
        try:
            # Before its bytes are hashed.
            opener.look(item)
            with held_still(path) as state, opened_clip(item, opener) as (opened, reader):
                frames = self._decode({**opened, 'clip_reader': _KeptOpen(reader)})
        except ClipReadError as error:
            return DecodedClip(path, None, None, str(error))
        return DecodedClip(path, frames, state, '')

    def _decode(self, opened: dict[str, Any]) -> torch.Tensor:
        parts: list[torch.Tensor] = []
        total = opened['total_frames']
        for start in range(0, total, _DECODED_AT_ONCE):
            chosen = np.arange(start, min(start + _DECODED_AT_ONCE, total))
            sampled = dict(frame_inds=chosen, clip_len=len(chosen), num_clips=1)
            parts.append(torch.from_numpy(self.pixels({**opened, **sampled})['imgs']))
        return torch.cat(parts)


@torch.no_grad()
def encode_frames(model: Any, frames: torch.Tensor, batch_size: int = 64) -> np.ndarray:
    """What the backbone gives for frames: uint8 (T, 3, H, W) -> float32 (T, D).

    The recognizer must have no `num_frames`, for clips here are of any length.
    """
    parts = []
    for part in frames.split(batch_size):
        data = model.data_preprocessor({'inputs': [part], 'data_samples': [None]}, training=False)
        features, _ = model.extract_feat(data['inputs'], stage='backbone', test_mode=True)
        parts.append(pool_frames(features).float().cpu())
    return torch.cat(parts).numpy()


def unique_clips(datasets: Iterable[Any]) -> list[dict]:
    """The items of several data sets (splits, folds), each clip once, with its ``opener``."""
    items: dict[str, dict] = {}
    for dataset in datasets:
        opener = ClipOpener(getattr(dataset, 'guard', None))
        for index in range(len(dataset)):
            item = dataset.get_data_info(index)
            items.setdefault(item['filename'], {**item, 'opener': opener})
    return list(items.values())


def _with_opener(item: Mapping[str, Any]) -> tuple[dict[str, Any], ClipOpener]:
    """An item without its opener, and that."""
    bare = {key: value for key, value in item.items() if key != 'opener'}
    return bare, item.get('opener') or ClipOpener(None)


def estimate_bytes(items: Sequence[dict], frame_bytes: int) -> int:
    """How much the features of clips will take, from the lengths of up to 200 of them."""
    chosen = items[:: max(1, len(items) // _COUNTED)]
    counted = []
    for item in chosen:
        try:
            with opened_clip(*_with_opener(item)) as (opened, _):
                counted.append(opened['total_frames'])
        except ClipReadError:
            continue
    return round(sum(counted) / max(1, len(counted)) * len(items) * frame_bytes)


def cache_frames(
    model: Any,
    items: Sequence[dict],
    writer: FrameCacheWriter,
    pixels: Sequence[Mapping[str, Any]],
    *,
    batch_size: int = 64,
    num_workers: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> list[str]:
    """Add the features of clips to a cache.

    Args:
        model: a recognizer without `num_frames`, in evaluation mode (see `identity_of`).
        items: of clips that the cache does not hold.
        writer: of the cache, opened.
        pixels: the transforms between sampling and packing.
        batch_size: frames at a time.
        num_workers: processes that decode.
        progress: wraps the clips.

    Returns:
        Why clips could not be read; they are left out.
    """
    loader = DataLoader(WholeClips(items, pixels), batch_size=None, num_workers=num_workers)
    unread = []
    for clip in progress(loader):
        if clip.frames is None:
            unread.append(clip.error)
        else:
            writer.add(clip.path, encode_frames(model, clip.frames, batch_size), clip.state)
    return unread
