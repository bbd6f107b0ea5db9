"""From a clip to its frames: how many there are, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..media.errors import FirstWarning, clip_error, place_of
from ..media.images import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    FrameList,
    check_frames,
    list_frames,
    list_numbered_frames,
)
from ..media.packed import PackedClip, is_packed
from ..media.spans import split_span
from ..media.videos import Video

# Once in a process: each call of MMAction2's inference builds a pipeline of its own.
_warn_of_faces = FirstWarning()
_FACES = (
    'the model expects crops of one face, and takes the pixels of this clip as one: for whole '
    'pictures use `dferclip analyze VIDEO --model CONFIG CHECKPOINT`, or first `dferclip crop '
    'FOLDER OUT`'
)


@TRANSFORMS.register_module()
class ClipInit(BaseTransform):
    """Open a clip, and count its frames.

    A clip is what the first of these keys holds:

    - ``array``: uint8 RGB frames (T, H, W, 3), a list of them, or a picture (H, W, 3);
    - ``frame_dir``: a frame folder. With ``filename_tmpl`` it has ``total_frames`` frames from
      ``start_index`` (plus ``offset``) on, as MMAction2's ``RawframeDataset`` numbers them;
    - ``filename``: a frame folder, a video (or ``talk.mp4#t=12.000,15.500``, a part of it in
      seconds), a packed clip, or a picture.

    Adds ``clip_reader``, which `ClipDecode` closes, and ``total_frames``. Frames are numbered from
    ``start_index`` 0 on. Where the list or a video's header has another number of frames, the first
    such clip is named in a warning; for the first clip that is of no dataset (MMAction2's
    ``inference_recognizer``), face crops are called for.

    Args:
        max_pixels: the most that a frame of a video or packed clip may have by its header.

    Raises:
        ClipReadError: if there is no frame, or the file is not a video.
    """

    def __init__(self, *, max_pixels: int = MAX_PIXELS) -> None:
        self.max_pixels = max_pixels
        self._warn = FirstWarning()

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open one clip."""
        if 'array' not in results and 'frame_dir' in results:
            # For metrics and messages.
            results.setdefault('filename', results['frame_dir'])
        try:
            reader = self._open(results)
        except (ValueError, OSError) as error:
            raise clip_error(results, str(error)) from error
        # A dataset numbers its clips.
        if 'sample_idx' not in results and results.get('label') == -1:
            _warn_of_faces('faces', _FACES)
        total = len(reader)
        if total == 0:
            raise clip_error(results, 'expected a folder of images, found none in it')
        counts = {
            'header': getattr(reader, 'declared', 0),
            'list': results.get('total_frames', total),
        }
        for source, count in counts.items():
            if total < count or (source == 'list' and count != total):
                self._warn(
                    source,
                    f'{place_of(results)}: the {source} counts {count} frames, {total} are there '
                    'and are used',
                )
        # Not video_reader: MMAction2's inferencer may add one of its own.
        return results | {'clip_reader': reader, 'total_frames': total, 'start_index': 0}

    def _open(self, results: dict[str, Any]) -> Any:
        if 'array' in results:
            return FrameList(check_frames(results['array']))
        if 'frame_dir' in results and 'filename_tmpl' in results:
            return FrameList(list_numbered_frames(results))
        path = results.get('frame_dir') or results['filename']
        if Path(path).is_dir():
            return FrameList(list_frames(path))
        if is_packed(path):
            return PackedClip(path, self.max_pixels)
        if path.lower().endswith(IMAGE_SUFFIXES):
            return FrameList([path])
        video, span = split_span(path)
        return Video(video, self.max_pixels, span)
