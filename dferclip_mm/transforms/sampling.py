"""Which frames of a clip a model sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


def centred_segments(total_frames: int, num_frames: int) -> np.ndarray:
    """The middle frame of each of ``num_frames`` equal segments, (T,) zero-based.

    Clips that are shorter give all their frames, and then the last one again (DFER-CLIP's test).
    """
    if total_frames < num_frames:
        return np.minimum(np.arange(num_frames), total_frames - 1)
    return total_frames * (2 * np.arange(num_frames) + 1) // (2 * num_frames)


def random_segments(total_frames: int, num_frames: int) -> np.ndarray:
    """A random frame of each of ``num_frames`` segments, (T,) zero-based.

    A segment is ``total_frames // num_frames`` long, so that up to ``num_frames - 1`` frames at
    the end belong to none; short clips as in :func:`centred_segments` (DFER-CLIP's training).
    """
    if total_frames < num_frames:
        return centred_segments(total_frames, num_frames)
    length = total_frames // num_frames
    return np.arange(num_frames) * length + np.random.randint(length, size=num_frames)


def wrapped_window(total_frames: int, num_frames: int, start: int) -> np.ndarray:
    """``num_frames`` consecutive frames from ``start``, (T,) zero-based (EmoCLIP).

    At the clip's end the window continues once with the clip's beginning; if it is still too
    short, it is padded by reflection.
    """
    end = start + num_frames
    positions = np.arange(start, min(end, total_frames))
    if end > total_frames:
        positions = np.concatenate([positions, np.arange(min(end - total_frames, total_frames))])
    # For a single frame numpy's reflection repeats it, as wanted.
    return np.pad(positions, (0, num_frames - len(positions)), mode='reflect')


@TRANSFORMS.register_module()
class SampleSegments(BaseTransform):
    """One frame of each of ``num_frames`` segments, as DFER-CLIP takes them.

    Needs ``total_frames``; adds ``frame_inds`` (T,), ``clip_len``, ``num_clips``,
    ``frame_interval``. MMAction2's ``SampleFrames`` differs for clips shorter than ``num_frames``.

    Args:
        num_frames: T.
        test_mode: the middle of each segment instead of a random frame.
        shuffle: give the frames in another order, to see what the model makes of their order.

    Raises:
        ValueError: if ``num_frames`` is below 1.
    """

    def __init__(
        self, num_frames: int = 16, *, test_mode: bool = False, shuffle: bool = False
    ) -> None:
        if num_frames < 1:
            raise ValueError(f'expected num_frames of at least 1, found {num_frames}')
        self.num_frames, self.test_mode, self.shuffle = num_frames, test_mode, shuffle

    def choose(self, total_frames: int) -> tuple[np.ndarray, int]:
        """The frames of a clip, (T,) zero-based, and the interval between them."""
        segments = centred_segments if self.test_mode else random_segments
        return segments(total_frames, self.num_frames), max(1, total_frames // self.num_frames)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Choose the frames of one clip."""
        total = results['total_frames']
        if total < 1:
            raise ValueError(f'expected total_frames of at least 1, found {total}')
        frames, interval = self.choose(total)
        if self.shuffle:
            # The same in each evaluation, and another for each clip.
            frames = np.random.default_rng(results.get('sample_idx', 0)).permutation(frames)
        # Our datasets count from 0; MMAction2's RawFrameDecode counts from start_index.
        results['frame_inds'] = (frames + results.get('start_index', 0)).astype(np.int64)
        results.update(clip_len=len(frames), num_clips=1, frame_interval=interval)
        return results


@TRANSFORMS.register_module()
class SampleWindow(SampleSegments):
    """``num_frames`` consecutive ones of every ``stride``-th frame, as EmoCLIP takes them.

    Args:
        stride: the step between the frames that are kept.
        num_frames: T.
        test_mode: begin with the first frame instead of a random one.
        shuffle: as `SampleSegments`.

    Raises:
        ValueError: if ``stride`` or ``num_frames`` is below 1.
    """

    def __init__(
        self,
        stride: int = 4,
        num_frames: int = 32,
        *,
        test_mode: bool = False,
        shuffle: bool = False,
    ) -> None:
        super().__init__(num_frames, test_mode=test_mode, shuffle=shuffle)
        if stride < 1:
            raise ValueError(f'expected stride of at least 1, found {stride}')
        self.stride = stride

    def choose(self, total_frames: int) -> tuple[np.ndarray, int]:
        """The window, and the stride."""
        kept = -(-total_frames // self.stride)
        start = 0 if self.test_mode else np.random.randint(kept)
        return wrapped_window(kept, self.num_frames, start) * self.stride, self.stride
