"""What the heads share whose classes and prompts may change in every evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...emotions import resolve_classes
from ...prompts import load_prompt_parts
from ..text import PromptLearner
from .text_head import EncodedTextHead

Prompts = str | Mapping[str, Any] | Sequence[Any]
# Of MMAction2's `BaseHead`, for its own loss.
_OF_CLASSIFIERS = ('loss_cls', 'label_smooth_eps', 'multi_class', 'topk')


class ZeroShotTextHead(EncodedTextHead):
    """Scores clips against one text per class; checkpoints hold no class and no prompt.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``), C class names, or
            None for those of the dataset (compound classes, which only its lists name).
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: as in `TextPromptHead`.
        kwargs: of `EncodedTextHead`.

    Raises:
        ValueError: when a class has no prompt, a prompt is too long, or a setting is for heads
            that are trained on labels.
    """

    def __init__(
        self,
        classes: str | Sequence[str] | None,
        text_encoder: Mapping[str, Any],
        prompts: Prompts,
        **kwargs: Any,
    ) -> None:
        for name in _OF_CLASSIFIERS:
            if name in kwargs:
                raise ValueError(
                    f'{type(self).__name__} has a contrastive loss and takes no cls_head.{name}: '
                    'leave it out, or use TextPromptHead'
                )
        super().__init__(classes, text_encoder, **kwargs)
        self.prompts = prompts
        self.prompt_learner = None
        if classes is not None:
            self.set_vocabulary(classes)

    def set_vocabulary(self, classes: str | Sequence[str], prompts: Prompts | None = None) -> None:
        """Score against these classes from now on; None keeps the present prompts.

        Raises:
            ValueError: when a class has no prompt, or a prompt is too long.
        """
        names = resolve_classes(classes)
        self.prompts = self.prompts if prompts is None else prompts
        parts = load_prompt_parts(self.prompts, names)
        learner = PromptLearner(parts, self.text_encoder, num_context=0)
        self.prompt_learner = learner.to(self.text_encoder.text.positional_embedding.device)
        self.classes, self.num_classes = names, len(names)
        self.clear_class_features()
