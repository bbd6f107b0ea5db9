"""Frame features from a cache must be those that the model of the run would compute."""

from __future__ import annotations

from typing import Any

from torch import nn

from ...precompute.encode_frames import identity_of
from ..lookup import unwrap_datasets


def check_cached_features(model: nn.Module, dataset: Any) -> None:
    """Compare the caches in a dataset's pipeline with the model.

    A pipeline gives no cached features before.

    Raises:
        ValueError: when the features are of another image encoder, of other weights or of another
            normalisation, or when clips are missing.
    """
    for each in unwrap_datasets(dataset):
        steps = getattr(getattr(each, 'pipeline', None), 'transforms', ())
        caches = [step for step in steps if hasattr(step, 'confirm')]
        if caches:
            clips = [each.get_data_info(index)['filename'] for index in range(len(each))]
            identity = identity_of(model)
            for cache in caches:
                cache.confirm(identity, clips)
