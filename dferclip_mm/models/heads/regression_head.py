"""Scores of clips, such as the severity of symptoms, by regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from .pool import pool_to_clip

# Below this mean squared error the root's slope would be infinite.
_EPS = 1e-12


def rmse_loss(predicted: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """The root of the mean squared error over clips and targets: two (B, K) to a scalar."""
    return (predicted.float() - scores.float()).square().mean().clamp_min(_EPS).sqrt()


@MODELS.register_module()
class RegressionHead(BaseHead):
    """Predicts K scores of a clip by a hidden layer (EmoCLIP, downstream).

    Takes the clip features as they are: they are not normalised.

    Args:
        targets: the names of the K scores, as the data set has them.
        in_channels: D of the clip features.
        hidden: width of the hidden layer.
        kwargs: the host's own, such as `init_cfg`.

    Raises:
        ValueError: when there is no target, or one twice.
    """

    def __init__(
        self, targets: Sequence[str], in_channels: int = 512, hidden: int = 256, **kwargs: Any
    ) -> None:
        names = (targets,) if isinstance(targets, str) else tuple(targets)
        if not names or len(set(names)) < len(names):
            raise ValueError(f'expected the names of the targets, each once, found {names}')
        super().__init__(
            num_classes=len(names), in_channels=in_channels, average_clips='score', **kwargs
        )
        self.targets = names
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden), nn.ReLU(), nn.Linear(hidden, len(names))
        )

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Predict.

        Args:
            x: clip features (B, D), or maps as the host's heads take them (see `pool_to_clip`).
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            (B, K), float32.

        Raises:
            ValueError: when D is not `in_channels`.
        """
        video = pool_to_clip(x, num_segs)
        if video.shape[-1] != self.in_channels:
            raise ValueError(
                f'RegressionHead expects {self.in_channels} channels, found {video.shape[-1]}: '
                f'set cls_head.in_channels={video.shape[-1]}'
            )
        return self.mlp(video).float()

    def loss_by_feat(
        self, cls_scores: torch.Tensor, data_samples: Sequence[Any]
    ) -> dict[str, torch.Tensor]:
        """``loss_rmse`` of predictions (B, K) for samples with `scores`.

        The scores have a field of their own because the host cuts labels to integers.

        Raises:
            ValueError: when a sample has no scores, or another number of them.
        """
        found = [sample.get('scores', ()) for sample in data_samples]
        if any(len(scores) != len(self.targets) for scores in found):
            raise ValueError(
                f'RegressionHead predicts {len(self.targets)} targets ({", ".join(self.targets)}), '
                f'the clips bring {sorted({len(scores) for scores in found})}: give head and data '
                "set the same targets, and 'scores' to PackActionInputs's algorithm_keys"
            )
        return {'loss_rmse': rmse_loss(cls_scores, cls_scores.new_tensor(found))}

    def predict_by_feat(self, cls_scores: torch.Tensor, data_samples: Sequence[Any]) -> Any:
        """Put the mean over each clip's views into its sample, as `pred_score` (K,)."""
        views = len(cls_scores) // len(data_samples)
        means = self.average_clip(cls_scores, num_segs=views)
        for sample, scores in zip(data_samples, means, strict=True):
            sample.set_pred_score(scores)
        return data_samples
