"""Clips and sentences in one space: trained on pairs, evaluated against any set of classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ...prompts import load_prompt_parts
from ..gather import gather_batches
from ..similarity import contrastive_loss, cosine_logits
from ..text import CaptionTokenizer, ClassPrompts, TensorMemo
from .pool import pool_to_clip


@MODELS.register_module()
class VideoTextContrastiveHead(BaseHead):
    """Trains clips against their captions, scores them against one text per class (EmoCLIP).

    Checkpoints hold no class and no prompt: `classes` and `prompts` may be others in every
    evaluation (open vocabulary).

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``), C class names, or
            None for those of the data set (compound classes, which only its lists name).
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: as in `TextPromptHead`. Several sentences are an ensemble; a compound class is
            the mean direction of its emotions.
        captions: train on each clip's own sentence, ``data_sample.text``; False: on the prompts
            of its class (the supervised protocol).
        fill_captions: a clip without a caption takes the prompts of its class in training; False
            refuses such clips.
        in_channels: D of the clip features; another one than the text features' adds a linear
            projection. None: equal to theirs.
        init_logit_scale: what cosines are multiplied with before training.
        clamp_scale: the largest that training may make of it; None for no limit.
        gather: take the batches of all processes as one; else each process has its own negatives.
        equal_texts_positive: clips of a batch with the same text are no negatives of each other;
            else they are, as in the original.
        truncate: cut captions that are too long for the text tower, with their number in the
            log; False refuses them.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        kwargs: the host's own, such as `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, a prompt is too long, or a scale is not positive.
    """

    def __init__(
        self,
        classes: str | Sequence[str] | None,
        text_encoder: Mapping[str, Any],
        prompts: str | Mapping[str, Any] | Sequence[Any] = 'descriptions',
        captions: bool = True,
        fill_captions: bool = False,
        in_channels: int | None = None,
        init_logit_scale: float = 1 / 0.07,
        clamp_scale: float | None = None,
        gather: bool = False,
        equal_texts_positive: bool = False,
        truncate: bool = True,
        average_clips: str = 'prob',
        **kwargs: Any,
    ) -> None:
        for name, scale in (('init_logit_scale', init_logit_scale), ('clamp_scale', clamp_scale)):
            if scale is not None and not 0 < scale < math.inf:
                raise ValueError(f'expected {name} above 0, found {scale}')
        encoder = MODELS.build(text_encoder)
        super().__init__(
            # Until `set_vocabulary` is called.
            num_classes=0,
            in_channels=in_channels or encoder.embed_dim,
            # The host's own default gives (views, C) scores, which its metrics cannot read.
            average_clips=average_clips,
            **kwargs,
        )
        self.text_encoder = encoder
        self.logit_scale = nn.Parameter(torch.tensor(math.log(init_logit_scale)))
        same = self.in_channels == encoder.embed_dim
        self.proj = nn.Identity() if same else nn.Linear(self.in_channels, encoder.embed_dim)
        self.captions, self.fill_captions = captions, fill_captions
        self.clamp_scale = clamp_scale
        self.gather, self.equal_texts_positive = gather, equal_texts_positive
        self.prompts = prompts
        self.classes: tuple[str, ...] | None = None
        self.class_prompts: ClassPrompts | None = None
        self.caption_tokenizer = CaptionTokenizer(
            encoder.tokenizer, encoder.context_length, truncate
        )
        self._class_features = TensorMemo()
        if classes is not None:
            self.set_vocabulary(classes)

    def set_vocabulary(
        self,
        classes: str | Sequence[str],
        prompts: str | Mapping[str, Any] | Sequence[Any] | None = None,
    ) -> None:
        """Score against these classes from now on.

        Args:
            classes: a corpus or C class names.
            prompts: as in the constructor; None keeps the present ones.

        Raises:
            ValueError: when a class has no prompt, or a prompt is too long.
        """
        names = resolve_classes(classes)
        self.prompts = self.prompts if prompts is None else prompts
        texts = ClassPrompts(load_prompt_parts(self.prompts, names), self.text_encoder)
        self.class_prompts = texts.to(self.logit_scale.device)
        self.classes, self.num_classes = names, len(names)

    def text_features(self) -> torch.Tensor:
        """One direction per class: (C, D), float32, each of length 1.

        They are computed once for all batches for as long as the text tower does not change.

        Raises:
            ValueError: when the head knows no classes yet.
        """
        texts, encoder = self.class_prompts, self.text_encoder
        if texts is None:
            raise ValueError(
                'VideoTextContrastiveHead has classes=None and was told none: leave '
                'StartupCheckHook in default_hooks, or set model.cls_head.classes'
            )
        learning = torch.is_grad_enabled() and any(
            parameter.requires_grad for parameter in encoder.parameters()
        )
        if learning:
            return texts(encoder)
        sources = [*encoder.parameters(), *encoder.buffers(), *texts.buffers()]
        return self._class_features.get(sources, lambda: texts(encoder))

    def train(self, mode: bool = True) -> VideoTextContrastiveHead:
        """Switch the mode; text features are computed anew, since EMA writes through ``.data``."""
        self._class_features.forget()
        return super().train(mode)

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Score clips against the classes.

        Args:
            x: clip features (B, D), or maps as the host's heads take them (see `pool_to_clip`).
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            Logits (B, C), float32.

        Raises:
            ValueError: when D is not `in_channels`.
        """
        scale = self.logit_scale.exp()
        if self.clamp_scale is not None:
            scale = scale.clamp(max=self.clamp_scale)
        return cosine_logits(self._encode_clips(x, num_segs), self.text_features(), scale)

    def loss(
        self,
        feats: torch.Tensor,
        data_samples: Sequence[Any],
        num_segs: int | None = None,
        **kwargs: Any,
    ) -> dict[str, torch.Tensor]:
        """The contrastive loss of a batch of clips and their texts.

        Args:
            feats: as `x` of `forward`, for B clips.
            data_samples: B samples with `text` where `captions` asks for it, and `gt_label` where
                the class's prompts take its place.
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            ``loss_contrastive``, and ``scale`` for the log.

        Raises:
            ValueError: when a clip has no text, or one that is too long and must not be cut.
        """
        if self.clamp_scale is not None:
            # In place: past a clamp of the graph there would be no gradient to come back with.
            with torch.no_grad():
                self.logit_scale.clamp_(max=math.log(self.clamp_scale))
        video = self._encode_clips(feats, num_segs)
        text, identity = self._encode_texts(data_samples, video.device)
        if self.gather:
            video, text, identity = gather_batches(video, text, identity)
        positives = None
        if self.equal_texts_positive:
            positives = (identity[:, None] == identity[None]).all(dim=-1)
        scale = self.logit_scale.exp()
        loss = contrastive_loss(video, text, scale, positives)
        return {'loss_contrastive': loss, 'scale': scale.detach()}

    def _encode_clips(self, x: torch.Tensor, num_segs: int | None) -> torch.Tensor:
        video = pool_to_clip(x, num_segs)
        if video.shape[-1] != self.in_channels:
            raise ValueError(
                f'VideoTextContrastiveHead expects {self.in_channels} channels, found '
                f'{video.shape[-1]}: set cls_head.in_channels={video.shape[-1]}'
            )
        return self.proj(video)

    def _encode_texts(
        self, data_samples: Sequence[Any], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Each clip's text: features (B, D), and rows (B, L) that are equal where texts are."""
        captions = [self._caption(sample) for sample in data_samples]
        told = [index for index, caption in enumerate(captions) if caption]
        untold = [index for index, caption in enumerate(captions) if not caption]
        features, identities = [], []
        if told:
            tokens = self.caption_tokenizer([captions[index] for index in told]).to(device)
            features.append(self.text_encoder(tokens).float())
            identities.append(tokens)
        if untold:
            labels = torch.cat([data_samples[index].gt_label for index in untold]).to(device)
            features.append(self.text_features()[labels])
            # Below zero, where no token is.
            length = self.caption_tokenizer.context_length
            identities.append((-1 - labels)[:, None].expand(-1, length))
        order = torch.tensor([*told, *untold], device=device).argsort()
        return torch.cat(features)[order], torch.cat(identities)[order]

    def _caption(self, sample: Any) -> str:
        caption = sample.get('text', '') if self.captions else ''
        if self.captions and not caption.strip():
            if not self.fill_captions:
                raise ValueError(
                    f'{sample.get("filename", "a clip")} has no caption to train on: leave such '
                    'clips out (require_caption=True of the data set), let the prompts of their '
                    "class stand in (cls_head.fill_captions=True), or put 'text' into "
                    "PackActionInputs's algorithm_keys where that is missing"
                )
            return ''
        return caption
