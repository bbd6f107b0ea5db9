"""Clips and sentences in one space: trained on pairs, evaluated against any set of classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import nn

from ..similarity import contrastive_loss, gather_with_gradient
from ..text import CaptionTokenizer
from .text_head import Prompts, ZeroShotTextHead

TEXT_SOURCES = ('captions', 'class_prompts')


@MODELS.register_module()
class VideoTextContrastiveHead(ZeroShotTextHead):
    """Trains clips against their captions, scores them against one text per class (EmoCLIP).

    Checkpoints hold no class and no prompt: `classes` and `prompts` may differ in every
    evaluation (open vocabulary).

    Args:
        classes, text_encoder, prompts: as in `ZeroShotTextHead`.
        text_source: what a clip is trained on: ``'captions'``, its own sentence
            (``data_sample.text``), or ``'class_prompts'``, the prompts of its class (the
            supervised protocol).
        fill_captions: train clips without a caption on the prompts of their class; False refuses
            such clips.
        init_logit_scale: the factor of the cosines before training.
        max_logit_scale: the largest factor that training may reach; None for no limit.
        gather_with_grad: compute the loss over the batches of all processes; False: each process
            takes its negatives from its own batch.
        mask_duplicate_texts: clips of a batch with the same text are not each other's negatives;
            False: they are, as in the original.
        kwargs: of `TextHead`, from `in_channels` on, and `init_cfg`.

    Raises:
        ValueError: as `ZeroShotTextHead`; when `text_source` is unknown.
    """

    def __init__(
        self,
        classes: str | Sequence[str] | None,
        text_encoder: Mapping[str, Any],
        prompts: Prompts = 'descriptions',
        text_source: str = 'captions',
        fill_captions: bool = False,
        init_logit_scale: float = 1 / 0.07,
        max_logit_scale: float | None = None,
        gather_with_grad: bool = False,
        mask_duplicate_texts: bool = False,
        **kwargs: Any,
    ) -> None:
        if text_source not in TEXT_SOURCES:
            raise ValueError(
                f'text_source={text_source!r}: expected one of {", ".join(TEXT_SOURCES)}'
            )
        if not all(each is None or each > 0 for each in (init_logit_scale, max_logit_scale)):
            raise ValueError(
                f'expected init_logit_scale={init_logit_scale} and '
                f'max_logit_scale={max_logit_scale} above 0'
            )
        super().__init__(classes, text_encoder, prompts, **kwargs)
        self.logit_scale = nn.Parameter(torch.tensor(math.log(init_logit_scale)))
        self.text_source, self.fill_captions = text_source, fill_captions
        self.max_logit_scale = max_logit_scale
        self.gather_with_grad = gather_with_grad
        self.mask_duplicate_texts = mask_duplicate_texts
        self.caption_tokenizer = CaptionTokenizer(
            self.text_encoder.tokenizer, self.text_encoder.context_length
        )

    def scale(self) -> torch.Tensor:
        """The factor of the cosines, a scalar."""
        scale = self.logit_scale.exp()
        return scale if self.max_logit_scale is None else scale.clamp(max=self.max_logit_scale)

    def loss(self, x: Any, data_samples: Sequence[Any], **kwargs: Any) -> dict[str, torch.Tensor]:
        """``loss_contrastive`` of B clips (see `forward`) and their texts, ``scale`` for the log.

        Samples have `text` for training on captions, `gt_label` for training on the prompts.

        Raises:
            ValueError: when a clip has no text.
        """
        if self.max_logit_scale is not None:
            # In place: behind a clamp in the graph, the gradient beyond the limit would be zero.
            with torch.no_grad():
                self.logit_scale.clamp_(max=math.log(self.max_logit_scale))
        video = self.encode_clips(x, kwargs.get('num_segs'))
        text, identity = self._encode_texts(data_samples, video.device)
        if self.gather_with_grad:
            video, text, identity = gather_with_gradient(video, text, identity)
        positives = None
        if self.mask_duplicate_texts:
            positives = (identity[:, None] == identity[None]).all(dim=-1)
        scale = self.logit_scale.exp()
        loss = contrastive_loss(video, text, scale, positives)
        return {'loss_contrastive': loss, 'scale': scale.detach()}

    def _encode_texts(
        self, data_samples: Sequence[Any], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Each clip's text: features (B, D), and rows (B, L) that are equal where texts are."""
        captions = [self._caption(sample) for sample in data_samples]
        # Those with a caption first.
        order = sorted(range(len(captions)), key=lambda index: not captions[index])
        told = sum(map(bool, captions))
        features, identities = [], []
        if told:
            tokens = self.caption_tokenizer([captions[i] for i in order[:told]]).to(device)
            features.append(self.text_encoder(tokens).float())
            identities.append(tokens)
        if told < len(order):
            labels = torch.cat([data_samples[i].gt_label for i in order[told:]]).to(device)
            features.append(self.class_features()[labels])
            # Negative numbers, which no token has.
            length = self.caption_tokenizer.context_length
            identities.append((-1 - labels)[:, None].expand(-1, length))
        back = torch.tensor(order, device=device).argsort()
        return torch.cat(features)[back], torch.cat(identities)[back]

    def _caption(self, sample: Any) -> str:
        """The sample's caption; empty where the prompts of its class are used instead."""
        caption = sample.get('text', '') if self.text_source == 'captions' else ''
        if caption.strip():
            return caption
        if self.text_source == 'class_prompts' or self.fill_captions:
            return ''
        raise ValueError(
            f'{sample.get("filename", "a clip")} has no caption to train on: leave such clips out '
            '(require_caption=True of the dataset), train them on the prompts of their class '
            "(cls_head.fill_captions=True), or add 'text' to PackActionInputs's algorithm_keys if "
            'it is missing there'
        )
