"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmaction.registry import MODELS

from ...prompts import load_prompt_parts
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
        context_position: where the text is put in the prompt: ``'end'``, ``'middle'``, ``'front'``.
        logit_scale: the factor of the cosines, fixed.
        topk: the training accuracies to log.
        kwargs: `in_channels`, `num_segments` and `average_clips` (see `TextHead`), and those of
            MMAction2's `BaseHead`: `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, or a prompt is too long.
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
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, text_encoder, topk=topk, **kwargs)
        self.logit_scale = logit_scale
        self.prompt_learner = PromptLearner(
            load_prompt_parts(prompts, self.classes or ()),
            self.text_encoder,
            num_context=num_context,
            class_specific=class_specific,
            context_position=context_position,
        )
