"""Features of frames in the place of their pixels, from a cache on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..media.errors import place_of
from .feature_cache import DTYPES, FrameCache, StaleFeaturesError


@TRANSFORMS.register_module()
class OpenFrameFeatures(BaseTransform):
    """In the place of ``ClipInit``: find a clip in a cache of frame features.

    Adds ``total_frames`` and ``frame_features``, those of all its frames. Nothing is given out
    before `StartupCheckHook` has compared the cache with the run's model.

    Args:
        cache: the folder that ``tools/cache_frames.py`` has written.
        pixels: the transforms between sampling and packing that the features were computed with.
        dtype: what is stored: ``'float32'``, or ``'float16'`` in half the space.

    Raises:
        FileNotFoundError: when there is no such cache.
        StaleFeaturesError: when it is of other pixels or another type, lacks a clip, or a clip's
            files have changed since.
    """

    # The clip itself is not read: `MediaValidator` need not look at it.
    reads_files = False

    def __init__(
        self, cache: str, pixels: Sequence[Mapping[str, Any]], dtype: str = 'float32'
    ) -> None:
        if dtype not in DTYPES:
            raise ValueError(f'dtype={dtype!r}: expected one of {", ".join(DTYPES)}')
        self.cache = FrameCache(cache)
        self.cache.require({'pixels': list(pixels), 'dtype': dtype})
        self._confirmed = False
        self._checked: set[str] = set()

    def confirm(self, identity: Mapping[str, Any], clips: Sequence[str]) -> None:
        """Compare the cache with a run's model and clips; from then on features are given out.

        Args:
            identity: the parts of the identity that the model has.
            clips: paths of all clips of the data set.

        Raises:
            StaleFeaturesError: when the features are another model's, or clips are missing.
        """
        self.cache.require(identity)
        missing = [path for path in clips if self.cache.find(path) is None]
        if missing:
            raise StaleFeaturesError(
                f'{self.cache.folder} lacks {len(missing)} of {len(clips)} clips, first '
                f'{missing[0]}: run tools/cache_frames.py with this config, which adds them'
            )
        self._confirmed = True

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """``frame_features`` (total_frames, D) float32."""
        if not self._confirmed:
            raise StaleFeaturesError(
                f'{self.cache.folder} has not been compared with the model: add '
                "startup_check=dict(type='StartupCheckHook') to default_hooks; outside of a run, "
                'use the config that reads pixels'
            )
        path = results['filename']
        entry = self.cache.find(path)
        if entry is None:
            raise StaleFeaturesError(f'{place_of(results)}: not in {self.cache.folder}')
        if path not in self._checked:
            # Once in each process: on a network folder this costs more than the features.
            self.cache.check(entry, path)
            self._checked.add(path)
        results['frame_features'] = self.cache.read(entry)
        results['total_frames'] = entry.frames
        return results


@TRANSFORMS.register_module()
class PickFrameFeatures(BaseTransform):
    """In the place of ``ClipDecode`` and what follows: the features of ``frame_inds``.

    ``imgs`` is (T, D) float32, which ``PackActionInputs`` packs as it packs pixels.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pick the sampled frames of one clip."""
        results['imgs'] = results.pop('frame_features')[np.asarray(results['frame_inds']).ravel()]
        return results
