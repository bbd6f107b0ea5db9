"""What the heads share that compare clips with texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from torch import nn

from ...emotions import resolve_classes
from ...prompts import load_prompt_parts
from ..clip.fast_forward import is_exporting
from ..losses.class_prior import log_prior
from ..pool import pool_to_clip
from ..similarity import cosine_logits
from ..text import PromptLearner

Prompts = str | Mapping[str, Any] | Sequence[Any]
# Of MMAction2's `BaseHead`, for its own loss.
_OF_CLASSIFIERS = ('loss_cls', 'label_smooth_eps', 'multi_class', 'topk')


class TextHead(BaseHead):
    """Scores clips by their cosine similarity to one text feature per class.

    Args:
        classes: a corpus, C class names, or None where the head is told later.
        text_dims: D of the text features.
        in_channels: of the clip features; if it is not D, a linear projection is added. None: D.
        num_segments: frames of one view, as MMAction2's TSMHead has it. Needed where MMAction2's
            `Recognizer2D` tests a clip in several views, since it passes the frames of all of
            them; None takes them as one view.
        average_clips: how several views are averaged: ``'prob'`` (after a softmax) or ``'score'``.
        prior_adjustment: in prediction, subtract this times the log share of each class among the
            training clips from its logit (Menon et al., ICLR 2021, section 4.1): 1 raises UAR and
            costs WAR; 0 for none, which a loss with ``tau`` needs.
        class_counts: training clips of each class; None: those of the config's train_dataloader.
        temperature: in prediction, logits are divided by it, see ``tools/calibrate.py``.
        topk: the training accuracies to log.
        kwargs: of MMAction2's `BaseHead`.

    Raises:
        ValueError: when the corpus is unknown, or the class names are invalid.
    """

    logit_scale: Any

    def __init__(
        self,
        classes: str | Sequence[str] | None,
        text_dims: int,
        in_channels: int | None = None,
        num_segments: int | None = None,
        # MMAction2's own default gives (views, C) scores, which its metrics cannot read.
        average_clips: str = 'prob',
        prior_adjustment: float = 0.0,
        class_counts: Sequence[float] | None = None,
        temperature: float = 1.0,
        topk: int | tuple[int, ...] = (1,),
        **kwargs: Any,
    ) -> None:
        if temperature <= 0:
            raise ValueError(f'expected a temperature above 0, found {temperature}')
        names = None if classes is None else resolve_classes(classes)
        super().__init__(
            num_classes=len(names or ()),
            in_channels=in_channels or text_dims,
            average_clips=average_clips,
            topk=topk,
            **kwargs,
        )
        self.classes = names
        self.num_segments = num_segments
        self.prior_adjustment, self.class_counts = prior_adjustment, class_counts
        self.temperature = temperature
        same = self.in_channels == text_dims
        self.proj = nn.Identity() if same else nn.Linear(self.in_channels, text_dims)

    @property
    def needs_class_counts(self) -> bool:
        """Whether the run should count the training clips of each class."""
        return bool(self.prior_adjustment) and self.class_counts is None

    def adjust_logits(self, cls_scores: torch.Tensor) -> torch.Tensor:
        """Logits (views, C) as they are evaluated, see `prior_adjustment` and `temperature`.

        Raises:
            ValueError: when the classes' training clips are needed and unknown.
        """
        if self.prior_adjustment:
            prior = log_prior(self.class_counts).to(cls_scores.device)
            cls_scores = cls_scores - self.prior_adjustment * prior
        return cls_scores / self.temperature

    def predict_by_feat(self, cls_scores: torch.Tensor, data_samples: Sequence[Any]) -> Any:
        """Set the scores of each sample from logits (views, C), see `adjust_logits`."""
        return super().predict_by_feat(self.adjust_logits(cls_scores), data_samples)

    def class_features(self) -> torch.Tensor:
        """One text feature per class: (C, D)."""
        raise NotImplementedError

    def scale(self) -> float | torch.Tensor:
        """The factor of the cosines: ``logit_scale``, unless a subclass learns it."""
        return self.logit_scale

    def encode_clips(self, x: Any, num_segs: int | None) -> torch.Tensor:
        """Clip features (B, D) from what a recognizer passes; see `forward`."""
        # `Recognizer2D` counts the segments of all views together; `FrameRecognizer`, which
        # separates views itself, passes 1.
        if self.num_segments and num_segs and num_segs > 1:
            num_segs = self.num_segments
        return self.proj(pool_to_clip(x, num_segs, self.in_channels))

    def score(self, clips: torch.Tensor) -> torch.Tensor:
        """Logits (B, C), float32, of clip features (B, D)."""
        return cosine_logits(clips, self.class_features(), self.scale())

    def forward(self, x: torch.Tensor, num_segs: int | None = None, **kwargs: Any) -> torch.Tensor:
        """Logits (B, C), float32, of clip features (B, in_channels), or maps (see `pool_to_clip`).

        MMAction2's `Recognizer2D` passes the segments per clip, `num_segs`.

        Raises:
            ValueError: when the clip features do not have `in_channels` channels.
        """
        return self.score(self.encode_clips(x, num_segs))


class EncodedTextHead(TextHead):
    """A `TextHead` that encodes its prompts, and keeps the result while it cannot change.

    The kept features are cleared by ``train()``, ``eval()``, ``to()`` and loading. After writing
    weights in another way, call one of these.

    Arguments as of `TextHead`, with `text_encoder` in place of `text_dims`: the config of the text
    tower, ``dict(type='CLIPTextEncoder', …)``.
    """

    prompt_learner: PromptLearner | None

    def __init__(
        self, classes: str | Sequence[str] | None, text_encoder: Mapping[str, Any], **kwargs: Any
    ) -> None:
        encoder = MODELS.build(text_encoder)
        super().__init__(classes, encoder.embed_dims, **kwargs)
        self.text_encoder = encoder
        self._kept: torch.Tensor | None = None
        self.register_load_state_dict_pre_hook(_clear_class_features)

    def encode_classes(self) -> torch.Tensor:
        """Encode the prompts: one direction per class, (C, D), float32, each of length 1."""
        return self.find_prompts()(self.text_encoder)

    def find_prompts(self) -> PromptLearner:
        """The prompts of the classes.

        Raises:
            ValueError: when the head has no classes yet.
        """
        if self.prompt_learner is None:
            raise ValueError(
                f'{type(self).__name__} has classes=None and the run did not set them: keep '
                'StartupCheckHook in default_hooks, or set model.cls_head.classes'
            )
        return self.prompt_learner

    def class_features(self) -> torch.Tensor:
        """One direction per class: (C, D), float32, each of length 1."""
        encoders = (self.text_encoder, self.prompt_learner)
        weights = (weight for module in encoders if module for weight in module.parameters())
        learned = any(weight.requires_grad for weight in weights)
        if learned and (self.training or torch.is_grad_enabled()):
            # A step may follow.
            self.clear_class_features()
            return self.encode_classes()
        if is_exporting():
            # An exported program holds the features, or encodes the texts itself.
            return self.encode_classes() if self._kept is None else self._kept
        return self._kept_features()

    @torch.compiler.disable
    def _kept_features(self) -> torch.Tensor:
        if self._kept is None:
            self._kept = self.encode_classes()
        return self._kept

    def clear_class_features(self) -> None:
        """Encode the texts again at the next use."""
        self._kept = None

    def _apply(self, fn: Any, recurse: bool = True) -> EncodedTextHead:
        """Clear the class features when the head moves to another device or type."""
        self.clear_class_features()
        return super()._apply(fn, recurse)

    def train(self, mode: bool = True) -> EncodedTextHead:
        """Switch the mode, and clear the class features: weights may have changed."""
        self.clear_class_features()
        return super().train(mode)


def _clear_class_features(head: EncodedTextHead, *_: Any) -> None:
    head.clear_class_features()


class ZeroShotTextHead(EncodedTextHead):
    """Scores clips against one text per class; checkpoints hold no class and no prompt.

    Args:
        classes: a corpus (``'dfew'``, ``'ferv39k'``, ``'mafw'``, ``'afew'``), C class names, or
            None for those of the dataset (compound classes, which only its lists name).
        text_encoder: config of the text tower, ``dict(type='CLIPTextEncoder', …)``.
        prompts: as in `TextPromptHead`; a compound class is the normalised mean of its emotions.
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
