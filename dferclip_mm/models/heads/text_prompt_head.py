"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from ...prompts import load_prompt_parts
from ..similarity import cosine_logits
from ..text import PromptLearner
from .text_head import EncodedTextHead


def distillation_loss(logits: torch.Tensor, zero_shot_logits: torch.Tensor) -> torch.Tensor:
    """How far the answers are from the zero-shot ones: KL(zero-shot || answer), mean over clips.

    Args:
        logits: (B, C), of the model that is trained.
        zero_shot_logits: (B, C), of frozen CLIP's texts; no gradient flows into them.

    Returns:
        A scalar, in nats.
    """
    teacher = zero_shot_logits.detach().log_softmax(-1)
    return F.kl_div(logits.log_softmax(-1), teacher, reduction='batchmean', log_target=True)


@MODELS.register_module()
class TextPromptHead(EncodedTextHead):
    """Scores a clip by its similarity to one text prompt per class (DFER-CLIP, section 3).

    Works behind `FrameRecognizer` and a temporal Transformer, and as the `cls_head` of any of
    MMAction2's recognizers.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``) or C class names.
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: a prompt set by name, a JSON or YAML file, a table, or a list with an entry for
            each class (see ``dferclip_mm.prompts.load_prompts``). Several sentences for a class
            are an ensemble: the normalised mean of their features.
        num_context: learnable context vectors in each prompt; 0 for none.
        class_specific: one context for each class, or one for all.
        context_position: where the text is put in the prompt: ``'end'``, ``'middle'``, ``'front'``.
        logit_scale: the factor of the cosines, fixed.
        negative_prompts: what a class is not, in the forms of `prompts`: a class is scored by its
            prompt's similarity minus that of its negative prompt (the idea of FineCLIPER, ACM MM
            2024). None: by its prompt alone.
        distill_weight: of a loss against forgetting, the divergence from CLIP's zero-shot answer to
            the same clips (see `distillation_loss`); 0 for none.
        distill_prompts: the texts of that answer, without context, in the forms of `prompts`.
        topk: the training accuracies to log.
        kwargs: `in_channels`, `num_segments` and `average_clips` (see `TextHead`), and those of
            MMAction2's `BaseHead`: `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, a prompt is too long, or there is no frozen text
            tower to distill from.
    """

    def __init__(
        self,
        classes: str | Sequence[str],
        text_encoder: Mapping[str, Any],
        prompts: str | Mapping[str, Any] | Sequence[Any] = 'descriptions',
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
        logit_scale: float = 100.0,
        negative_prompts: str | Mapping[str, Any] | Sequence[Any] | None = None,
        distill_weight: float = 0.0,
        distill_prompts: str | Mapping[str, Any] | Sequence[Any] = 'expression_template',
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, text_encoder, topk=topk, **kwargs)
        self.logit_scale = logit_scale
        names = self.classes or ()
        parts = load_prompt_parts(prompts, names)
        self.has_negatives = negative_prompts is not None
        if negative_prompts is not None:
            # Under names of their own: parts of one name are one.
            parts += [
                {f'not {name}': sentences for name, sentences in part.items()}
                for part in load_prompt_parts(negative_prompts, names)
            ]
        self.prompt_learner = PromptLearner(
            parts,
            self.text_encoder,
            num_context=num_context,
            class_specific=class_specific,
            context_position=context_position,
        )
        self.distill_weight = distill_weight
        if distill_weight:
            if any(weight.requires_grad for weight in self.text_encoder.parameters()):
                raise ValueError(
                    f'distill_weight={distill_weight} needs a frozen text tower, whose answer does '
                    'not change: set text_encoder.frozen=True without lora, or distill_weight=0'
                )
            self.zero_shot = PromptLearner(
                load_prompt_parts(distill_prompts, names), self.text_encoder, num_context=0
            )

    def score(self, clips: torch.Tensor) -> torch.Tensor:
        """Logits (B, C) of clip features (B, D)."""
        # With negatives, 2 C texts: first those of the classes.
        logits = super().score(clips)
        if not self.has_negatives:
            return logits
        positive, negative = logits.chunk(2, dim=1)
        return positive - negative

    def loss(self, x: Any, data_samples: list, **kwargs: Any) -> dict[str, torch.Tensor]:
        """The losses of MMAction2's heads, and ``loss_distill`` where that is asked for."""
        if not self.distill_weight:
            return super().loss(x, data_samples, **kwargs)
        clips = self.encode_clips(x, kwargs.get('num_segs'))
        logits = self.score(clips)
        with torch.no_grad():
            texts = self.zero_shot(self.text_encoder)
            answer = cosine_logits(clips, texts, self.scale())
        losses = self.loss_by_feat(logits, data_samples)
        losses['loss_distill'] = self.distill_weight * distillation_loss(logits, answer)
        return losses
