"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ...prompts import load_prompt_parts
from ..similarity import mean_unit_vector
from ..text import PromptLearner
from .text_head import EncodedTextHead


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
        context_position: where the text stands in the prompt: ``'end'``, ``'middle'``, ``'front'``.
        in_channels: of the clip features; if they are not as wide as the text features, a linear
            projection is added. None: as wide.
        num_segments: frames of one view, as MMAction2's TSMHead has it. Needed where MMAction2's
            `Recognizer2D` tests a clip in several views, since it passes the frames of all of
            them; None takes them as one view.
        logit_scale: the factor of the cosines, fixed.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        topk: the training accuracies to log.
        kwargs: of MMAction2's `BaseHead`: `loss_cls`, `label_smooth_eps`, `multi_class`,
            `init_cfg`.

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
        encoder = MODELS.build(text_encoder)
        super().__init__(
            len(names),
            encoder.embed_dims,
            in_channels,
            num_segments,
            average_clips,
            topk=topk,
            **kwargs,
        )
        self.classes = names
        self.logit_scale = logit_scale
        self.text_encoder = encoder
        self.prompt_learner = PromptLearner(
            [[text for part in group for text in part] for group in parts],
            encoder,
            num_context=num_context,
            class_specific=class_specific,
            context_position=context_position,
            classes=names,
        )
        # The part (the class, or an emotion of a compound class) of each sentence, and the class
        # of each part.
        sizes = torch.tensor([len(part) for group in parts for part in group])
        owners = torch.tensor([number for number, group in enumerate(parts) for _ in group])
        part_index = torch.arange(len(sizes)).repeat_interleave(sizes)
        self.register_buffer('part_index', part_index, persistent=False)
        self.register_buffer('part_class', owners, persistent=False)

    def encode_classes(self) -> torch.Tensor:
        """Encode the prompts: one direction per class, (C, D), float32, each of length 1.

        The emotions of a compound class weigh the same, however many sentences each has.
        """
        features = self.prompt_learner(self.text_encoder)
        parts = mean_unit_vector(features, self.part_index, len(self.part_class))
        return mean_unit_vector(parts, self.part_class, self.num_classes)

    def text_modules(self) -> tuple[nn.Module, ...]:
        """The text tower and the prompts' context."""
        return self.text_encoder, self.prompt_learner
