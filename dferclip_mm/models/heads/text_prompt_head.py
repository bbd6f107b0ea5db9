"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ...prompts import load_prompt_parts
from ..similarity import cosine_logits, mean_unit_vector
from ..text import PromptLearner, TensorMemo
from .pool import pool_to_clip, view_segments


@MODELS.register_module()
class TextPromptHead(BaseHead):
    """Scores a clip by its similarity to one text prompt per class (DFER-CLIP, section 3).

    Serves behind `FrameRecognizer` and a temporal Transformer, and in place of the `cls_head` of
    any of the host's recognizers.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``) or C class names.
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: a prompt set by name, a JSON or YAML file, a table, or a list with an entry for
            each class (see ``dferclip_mm.prompts.load_prompts``). Several sentences for a class
            are an ensemble: the mean of their directions.
        num_context: learnable context vectors in each prompt; 0 for none.
        class_specific: a context for every class, or one for all.
        context_position: where the text stands in the prompt: ``'end'``, ``'middle'``, ``'front'``.
        in_channels: D of the clip features; another one than the text features' adds a linear
            projection. None: equal to theirs.
        num_segments: frames of one view, as the host's TSMHead has it. Needed where the host's 2D
            recognizer tests a clip in several views, since it hands over the frames of all; None
            takes them as one view.
        logit_scale: what cosines are multiplied with, fixed.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        topk: the training accuracies to log.
        kwargs: the host's own: `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, or a prompt is too long.
    """

    part_index: torch.Tensor
    part_class: torch.Tensor

    def __init__(
        self,
        classes: str | Sequence[str],
        text_encoder: Mapping[str, Any],
        prompts: str | Mapping[str, Any] | Sequence[Any] = 'descriptions',
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
        in_channels: int | None = None,
        num_segments: int | None = None,
        logit_scale: float = 100.0,
        average_clips: str = 'prob',
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        names = resolve_classes(classes)
        parts = [[*group.values()] for group in load_prompt_parts(prompts, names)]
        sentences = [[text for part in group for text in part] for group in parts]
        encoder = MODELS.build(text_encoder)
        super().__init__(
            num_classes=len(names),
            in_channels=in_channels or encoder.embed_dim,
            # The host's own default gives (views, C) scores, which its metrics cannot read.
            average_clips=average_clips,
            topk=topk,
            **kwargs,
        )
        self.classes = names
        self.num_segments = num_segments
        self.logit_scale = logit_scale
        self.text_encoder = encoder
        self.prompt_learner = PromptLearner(
            sentences,
            encoder,
            num_context=num_context,
            class_specific=class_specific,
            context_position=context_position,
            classes=names,
        )
        # Which part (the class, or an emotion of a compound) a sentence speaks of, and whose it is.
        sizes = [len(part) for group in parts for part in group]
        owners = [number for number, group in enumerate(parts) for _ in group]
        for name, value in (
            ('part_index', torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))),
            ('part_class', torch.tensor(owners)),
        ):
            self.register_buffer(name, value, persistent=False)
        self._text_features = TensorMemo()
        same = self.in_channels == encoder.embed_dim
        self.proj = nn.Identity() if same else nn.Linear(self.in_channels, encoder.embed_dim)

    def train(self, mode: bool = True) -> TextPromptHead:
        """Also forget the directions, whatever was written into the weights and how."""
        self._text_features.forget()
        return super().train(mode)

    def text_features(self) -> torch.Tensor:
        """One direction per class: (C, D), float32, each of length 1.

        The emotions of a compound class weigh the same, however many sentences each has. In
        evaluation they are computed once for as long as no weight changes.
        """
        if self.training or torch.is_grad_enabled():
            return self._encode_prompts()
        modules = (self.text_encoder, self.prompt_learner)
        sources = [t for module in modules for t in (*module.parameters(), *module.buffers())]
        return self._text_features.get(sources, self._encode_prompts)

    def _encode_prompts(self) -> torch.Tensor:
        features = self.prompt_learner(self.text_encoder)
        parts = mean_unit_vector(features, self.part_index, len(self.part_class))
        return mean_unit_vector(parts, self.part_class, self.num_classes)

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Score clips.

        Args:
            x: clip features (B, D), or maps as the host's heads take them (see `pool_to_clip`).
            num_segs: segments per clip, from the host's 2D recognizer.
            kwargs: what else the host's recognizers pass; unused.

        Returns:
            Logits (B, C), float32.

        Raises:
            ValueError: when D is not `in_channels`.
        """
        video = pool_to_clip(x, view_segments(num_segs, self.num_segments))
        if video.shape[-1] != self.in_channels:
            raise ValueError(
                f'TextPromptHead expects {self.in_channels} channels, found {video.shape[-1]}: '
                f'set cls_head.in_channels={video.shape[-1]}'
            )
        return cosine_logits(self.proj(video), self.text_features(), self.logit_scale)
