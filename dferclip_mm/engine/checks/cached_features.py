"""Frame features from a cache must be those that the model of the run would compute."""

from __future__ import annotations

from typing import Any

from torch import nn

from ...precompute import check_frame_features
from ..lookup import unwrap_datasets


def check_cached_features(model: nn.Module, dataset: Any) -> None:
    """Compare the caches in the pipelines of a dataset, wrapped ones included, with the model.

    A pipeline gives no cached features before this.

    Raises:
        ValueError: if the features are of another image encoder, of other weights or of another
            normalisation, or if clips are missing or have changed.
    """
    for each in unwrap_datasets(dataset):
        check_frame_features(each, model)
