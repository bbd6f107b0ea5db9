"""From frame numbers to pixels."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from .errors import clip_error
from .resize import resize_frames
from .video import read_video_frames

# Orientation tags are ignored, as in Pillow's convert('RGB').
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'


def read_image(path: str) -> np.ndarray:
    """An image file as a uint8 RGB array (H, W, 3).

    Raises:
        ValueError: when it is empty, damaged or cut short.
        OSError: when it cannot be read.
    """
    data = Path(path).read_bytes()
    # OpenCV fills the missing part of a cut JPEG with grey and only prints a line.
    cut = data.startswith(_JPEG_START) and _JPEG_END not in data[-1024:]
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS) if data and not cut else None
    except cv2.error as error:
        raise ValueError(f'{path} does not decode: {error.err}') from error
    if image is None:
        reason = 'is cut short' if cut else 'does not decode' if data else 'is empty'
        raise ValueError(f'{path} {reason}')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


@TRANSFORMS.register_module()
class DecodeClip(BaseTransform):
    """Decode ``frame_inds`` of a clip that :class:`OpenClip` opened, each distinct frame once.

    Adds ``imgs``, a uint8 RGB array (T, H, W, 3), ``original_shape`` and ``img_shape`` (H, W). A
    frame of another size than the first is brought to the first one's, with a warning.

    Raises:
        ClipReadError: when a frame does not decode.
    """

    def __init__(self) -> None:
        self._warned = False

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode one clip."""
        wanted = np.asarray(results['frame_inds']).reshape(-1)
        distinct, where = np.unique(wanted, return_inverse=True)
        reader = results.pop('video_reader', None)
        try:
            if reader is not None:
                frames = read_video_frames(reader, distinct.tolist())
            else:
                frames = self._read_folder(results, distinct)
        except (ValueError, OSError) as error:
            raise clip_error(results, str(error)) from error
        # Repeated frames are copied: the host's Flip works in place.
        in_order = np.array_equal(distinct, wanted)
        results['imgs'] = frames if in_order else frames[where.reshape(-1)]
        results['original_shape'] = results['img_shape'] = frames.shape[1:3]
        return results

    def _read_folder(self, results: dict[str, Any], indices: np.ndarray) -> np.ndarray:
        paths = results['frame_paths']
        if indices[0] < 0 or indices[-1] >= len(paths):
            raise ValueError(
                f'expected frames from 0 to {len(paths) - 1}, '
                f'found frame_inds from {indices[0]} to {indices[-1]}'
            )
        images = [read_image(paths[index]) for index in indices]
        height, width = images[0].shape[:2]
        size = (height, width)
        odd = [n for n, image in enumerate(images) if image.shape[:2] != size]
        if odd and not self._warned:
            self._warned = True
            print_log(
                f'{paths[indices[odd[0]]]} has {images[odd[0]].shape[:2]} pixels and the first '
                f'frame {size}: it is resized, and further frames of this kind are not named',
                logger='current',
                level=logging.WARNING,
            )
        for n in odd:
            images[n] = resize_frames(images[n][None], size)[0]
        return np.stack(images)
