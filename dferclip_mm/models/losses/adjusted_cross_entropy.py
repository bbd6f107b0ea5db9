"""Cross-entropy for classes of unequal size, and for votes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmaction.models.losses import BaseWeightedLoss
from mmaction.registry import MODELS
from torch.nn import functional

from .class_prior import class_weights, log_prior


def adjusted_cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    shift: torch.Tensor | None = None,
    gamma: float = 0.0,
    kl: bool = False,
) -> torch.Tensor:
    """The loss of each clip.

    Args:
        logits: (B, C).
        targets: labels (B,), or what each clip is trained on (B, C): votes as shares, or a weight
            at its label.
        weights: of the classes, (C,).
        shift: added to the logits, (C,): ``tau * log(prior)`` for logit adjustment (Menon et al.,
            ICLR 2021, equation 10).
        gamma: the focal loss's exponent (Lin et al., ICCV 2017, equation 4), for each class's term.
        kl: without the targets' own entropy: the divergence, whose gradient is the same.

    Returns:
        (B,), float32.
    """
    logits = logits.float() if shift is None else logits.float() + shift
    if targets.ndim == 1:
        targets = functional.one_hot(targets, logits.shape[-1])
    targets = targets.float()
    log_probabilities = logits.log_softmax(-1)
    if kl:
        shares = targets / targets.sum(-1, keepdim=True).clamp_min(1e-12)
        terms = torch.xlogy(targets, shares) - targets * log_probabilities
    else:
        terms = -targets * log_probabilities
    if gamma:
        terms = terms * (-torch.expm1(log_probabilities)).clamp_min(1e-12) ** gamma
    return (terms if weights is None else terms * weights).sum(-1)


@MODELS.register_module()
class AdjustedCrossEntropy(BaseWeightedLoss):
    """Cross-entropy with any of these adjustments; without any, plain cross-entropy.

    As ``loss_cls`` of a head. The mean is over the clips of a batch, so that the gradients of
    several processes average to those of one. Labels may be vectors (C,), as votes and weights of
    clips are.

    Args:
        weight_power: weigh each class by its training clips to the power of minus this: 1 for
            equal classes, 0.5 for half the way.
        tau: the strength of logit adjustment, 1 in the paper.
        gamma: the exponent of the focal loss, 2 in the paper.
        kl: the Kullback-Leibler divergence from votes instead of their cross-entropy.
        class_counts: training clips of each class; None: counted at the start of the run.
        loss_weight: the factor of the loss.

    Raises:
        ValueError: when the counts are needed and unknown.
    """

    def __init__(
        self,
        *,
        weight_power: float = 0.0,
        tau: float = 0.0,
        gamma: float = 0.0,
        kl: bool = False,
        class_counts: Sequence[float] | None = None,
        loss_weight: float = 1.0,
    ) -> None:
        if min(weight_power, tau, gamma) < 0:
            raise ValueError(
                'AdjustedCrossEntropy: expected weight_power, tau and gamma of at least 0, found '
                f'{weight_power}, {tau} and {gamma}'
            )
        super().__init__(loss_weight=loss_weight)
        self.weight_power, self.tau, self.gamma, self.kl = weight_power, tau, gamma, kl
        self.class_counts = class_counts

    @property
    def needs_class_counts(self) -> bool:
        """Whether the run should count the training clips of each class."""
        return bool(self.weight_power or self.tau) and self.class_counts is None

    def _forward(self, cls_score: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        weights = shift = None
        if self.weight_power:
            weights = class_weights(self.class_counts, self.weight_power).to(cls_score.device)
        if self.tau:
            shift = self.tau * log_prior(self.class_counts).to(cls_score.device)
        return adjusted_cross_entropy(
            cls_score, label, weights=weights, shift=shift, gamma=self.gamma, kl=self.kl
        ).mean()
