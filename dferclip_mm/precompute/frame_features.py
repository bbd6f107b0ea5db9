"""Features of frames in the place of their pixels, read from files that were computed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..media.errors import StaleFileError
from .clip_store import ClipStore, open_tensors
from .frame_identity import find_identity
from .source_clips import SourceState, find_clip_folders, find_clip_name, find_source_clips

DTYPES = ('float32', 'float16')
FORMAT = 'dferclip_mm frame features 1'


def check_frame_features(dataset: Any, model: Any) -> None:
    """Check the frame features that a dataset reads against the model and the clips.

    `FrameFeaturesInit` reads nothing before this check. Datasets that read pixels pass.

    Args:
        dataset: built, with its pipeline; not a wrapper of datasets.
        model: the recognizer of the run.

    Raises:
        StaleFileError: when features are missing, or are of another model, of other pixels or of
            other clips.
        ValueError: when the model's image encoder is not frozen.
    """
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    for step in (step for step in steps if isinstance(step, FrameFeaturesInit)):
        store = ClipStore(step.cache, FORMAT, find_identity(model, step.pixels, step.dtype))
        clips = find_source_clips([dataset], [()])
        outdated = store.find_outdated(clips)
        if outdated:
            raise StaleFileError(
                f'{step.cache} lacks the features of {len(outdated)} of {len(clips)} clips, or '
                f'they are older than the clips, first {outdated[0].path}: run '
                'tools/cache_frames.py with this config'
            )
        step.clip_folders = find_clip_folders(dataset)


@TRANSFORMS.register_module()
class FrameFeaturesInit(BaseTransform):
    """In the place of ``ClipInit``: the features of all frames of a clip.

    Adds ``total_frames`` and ``frame_features``, (total_frames, D) float32.

    Args:
        cache: the folder that ``tools/cache_frames.py`` has written.
        pixels: the transforms between sampling and packing that the features were computed with.
        dtype: what is stored: ``'float32'``, or ``'float16'`` in half the space.

    Raises:
        StaleFileError: when the features were not checked at the start of the run.
    """

    def __init__(
        self, cache: str, pixels: Sequence[Mapping[str, Any]], dtype: str = 'float32'
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f'dtype={dtype!r}: expected one of {", ".join(DTYPES)}')
        self.cache, self.pixels, self.dtype = cache, list(pixels), dtype
        # Of the dataset, once its features were checked.
        self.clip_folders: list[Path] = []

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read one clip's features."""
        if not self.clip_folders:
            raise StaleFileError(
                f'the features in {self.cache} were not checked against the model: '
                'check_frame_features does this at the start of a run; outside of a run, use the '
                'config that reads pixels'
            )
        name = find_clip_name(results['filename'], self.clip_folders)
        features = read_features(ClipStore(self.cache, FORMAT).file(name))
        results['frame_features'], results['total_frames'] = features, len(features)
        return results


@TRANSFORMS.register_module()
class FrameFeaturesDecode(BaseTransform):
    """In the place of ``ClipDecode`` and what follows: the features of ``frame_inds``.

    ``imgs`` is (T, D) float32, which ``PackActionInputs`` packs as it packs pixels.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pick the sampled frames of one clip."""
        results['imgs'] = results.pop('frame_features')[np.asarray(results['frame_inds']).ravel()]
        return results


def write_features(store: ClipStore, name: str, features: np.ndarray, source: SourceState) -> None:
    """Write the features (T, D) of all frames of a clip; ValueError where one is not finite."""
    dtype = store.identity['dtype']
    with np.errstate(over='ignore'):
        stored = np.ascontiguousarray(features, dtype=dtype)
    if not np.isfinite(stored).all():
        raise ValueError(f'{source.path}: expected finite features as {dtype}, found NaN or inf')
    store.write(name, {'features': stored}, source)


def read_features(file: Path) -> np.ndarray:
    """The features of all frames of a clip, (T, D) float32, see `open_tensors`."""
    with open_tensors(file) as opened:
        return opened.get_tensor('features').astype(np.float32, copy=False)
