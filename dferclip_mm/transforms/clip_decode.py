"""From frame numbers to pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..media.errors import FirstWarning, clip_error, place_of
from .resize import resize_frames


@TRANSFORMS.register_module()
class ClipDecode(BaseTransform):
    """Decode ``frame_inds`` of a clip that `ClipInit` opened, each distinct frame once.

    Adds ``imgs``, a uint8 RGB array (T, H, W, 3), ``original_shape`` and ``img_shape`` (H, W). A
    frame of another size than the first is resized to the first one's, with a warning.

    Raises:
        ClipReadError: if a frame does not decode.
    """

    def __init__(self) -> None:
        self._warn = FirstWarning()

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Decode one clip."""
        wanted = np.asarray(results['frame_inds']).reshape(-1)
        distinct, where = np.unique(wanted, return_inverse=True)
        reader = results.pop('clip_reader')
        try:
            frames = self._decode(results, reader, distinct.tolist())
        except (ValueError, OSError) as error:
            raise clip_error(results, str(error)) from error
        finally:
            reader.close()
        # Repeated frames are copied: MMAction2's Flip works in place.
        in_order = np.array_equal(distinct, wanted)
        results['imgs'] = frames if in_order else frames[where.reshape(-1)]
        results['original_shape'] = results['img_shape'] = frames.shape[1:3]
        return results

    def _decode(self, results: dict[str, Any], reader: Any, indices: list[int]) -> np.ndarray:
        if indices[0] < 0 or indices[-1] >= len(reader):
            raise ValueError(
                f'expected frames from 0 to {len(reader) - 1}, '
                f'found frame_inds from {indices[0]} to {indices[-1]}'
            )
        frames: np.ndarray | None = None
        for n, index in enumerate(indices):
            image = reader.read(index, None if frames is None else frames[n])
            if frames is None:
                frames = np.empty((len(indices), *image.shape), np.uint8)
            buffer = frames[n]
            if image.shape != buffer.shape:
                self._warn(
                    'size',
                    f'{place_of(results)}: frame {index} has {image.shape[:2]} pixels and the '
                    f'first frame {buffer.shape[:2]}: it is resized',
                )
                image = resize_frames(image[None], buffer.shape[:2])[0]
            if not np.may_share_memory(image, buffer):
                buffer[...] = image
        assert frames is not None
        return frames
