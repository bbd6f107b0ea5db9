"""From a clip's path to its frames: how many there are, and where."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from ..media.errors import clip_error, place_of
from ..media.images import MAX_PIXELS, list_frames
from ..media.packed import PackedClip, is_packed
from ..media.videos import open_video


@TRANSFORMS.register_module()
class ClipInit(BaseTransform):
    """Count the frames of ``filename``, a frame folder, a video or a packed clip.

    Adds ``total_frames``, and ``frame_paths`` of a folder or ``clip_reader`` of a file, which
    `ClipDecode` closes. Frames are counted; where the list or a video's header has another number,
    the first such clip is named in a warning.

    Args:
        max_pixels: the most that a frame of a video or packed clip may have by its header.

    Raises:
        ClipReadError: if there is no frame, or the file is not a video.
    """

    def __init__(self, *, max_pixels: int = MAX_PIXELS) -> None:
        self.max_pixels = max_pixels
        self._warned: set[str] = set()

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open one clip."""
        path = results['filename']
        try:
            if Path(path).is_dir():
                results['frame_paths'] = list_frames(path)
                total = len(results['frame_paths'])
            elif is_packed(path):
                # Not video_reader: MMAction2's inferencer may add one of its own.
                results['clip_reader'] = PackedClip(path, self.max_pixels)
                total = len(results['clip_reader'])
            else:
                results['clip_reader'] = video = open_video(path, self.max_pixels)
                total = len(video)
                if total < video.declared:
                    self._warn(results, 'header', video.declared, total)
        except (ValueError, OSError) as error:
            raise clip_error(results, str(error)) from error
        if total == 0:
            raise clip_error(results, 'expected a folder of images, found none in it')
        if results.get('total_frames', total) != total:
            self._warn(results, 'list', results['total_frames'], total)
        results['total_frames'] = total
        return results

    def _warn(self, results: dict[str, Any], source: str, counted: int, total: int) -> None:
        if source not in self._warned:
            self._warned.add(source)
            print_log(
                f'{place_of(results)}: the {source} counts {counted} frames, {total} are there and '
                'are used; further clips of this kind are not named',
                logger='current',
                level=logging.WARNING,
            )
