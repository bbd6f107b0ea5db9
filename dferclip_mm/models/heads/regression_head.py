"""Scores of clips, such as the severity of symptoms, by regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ..pool import pool_to_clip

# Below this mean squared error the root's slope would be infinite.
_EPS = 1e-12


def rmse_loss(predicted: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """The root of the mean squared error over clips and targets: two (B, K) to a scalar."""
    return (predicted.float() - scores.float()).square().mean().clamp_min(_EPS).sqrt()


@MODELS.register_module()
class RegressionHead(BaseHead):
    """Predicts K scores of a clip with one hidden layer (EmoCLIP, downstream).

    The clip features are not normalised.

    Args:
        targets: the names of the K scores, as in the dataset.
        in_channels: D of the clip features.
        hidden_dim: width of the hidden layer.
        kwargs: of MMAction2's `BaseHead`, such as `init_cfg`.
    """

    def __init__(
        self, targets: Sequence[str], in_channels: int = 512, hidden_dim: int = 256, **kwargs: Any
    ) -> None:
        names = (targets,) if isinstance(targets, str) else tuple(targets)
        if not names or len(set(names)) < len(names):
            raise ValueError(f'expected the names of the targets, each once, found {names}')
        super().__init__(
            num_classes=len(names), in_channels=in_channels, average_clips='score', **kwargs
        )
        self.targets = names
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, len(names))
        )

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Predict (B, K), float32; arguments as of `TextHead.forward`.

        Raises:
            ValueError: when D is not `in_channels`.
        """
        return self.mlp(pool_to_clip(x, num_segs, self.in_channels)).float()

    def loss_by_feat(
        self, cls_scores: torch.Tensor, data_samples: Sequence[Any]
    ) -> dict[str, torch.Tensor]:
        """``loss_rmse`` of predictions (B, K) for samples with `scores`.

        The scores have a field of their own because MMAction2 rounds labels to integers.

        Raises:
            ValueError: when a sample has no scores, or another number of them.
        """
        found = [sample.get('scores', ()) for sample in data_samples]
        if any(len(scores) != len(self.targets) for scores in found):
            raise ValueError(
                f'RegressionHead predicts {len(self.targets)} targets ({", ".join(self.targets)}), '
                f'the clips bring {sorted({len(scores) for scores in found})}: set the same '
                "targets for head and dataset, and add 'scores' to PackActionInputs's "
                'algorithm_keys'
            )
        return {'loss_rmse': rmse_loss(cls_scores, cls_scores.new_tensor(found))}

    def predict_by_feat(self, cls_scores: torch.Tensor, data_samples: Sequence[Any]) -> Any:
        """Set each sample's `pred_score` (K,), the mean over the views of the clip."""
        views = len(cls_scores) // len(data_samples)
        means = self.average_clip(cls_scores, num_segs=views)
        for sample, scores in zip(data_samples, means, strict=True):
            sample.set_pred_score(scores)
        return data_samples
