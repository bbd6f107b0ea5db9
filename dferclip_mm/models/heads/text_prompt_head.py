"""Classification of clips by text prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from einops import einsum, reduce
from mmaction.registry import MODELS
from mmengine.logging import MessageHub

from ...prompts import load_prompt_parts
from ..similarity import cosine_logits, snippet_weights
from ..text import PromptLearner
from .text_head import EncodedTextHead, Prompts


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
            the same clips: KL(zero-shot || answer) in nats, the mean over clips; 0 for none.
        distill_prompts: the texts of that answer, without context, in the forms of `prompts`.
        snippet_frames: frames of a snippet. Each snippet of a clip is scored as well, by the mean
            of its frames' features before the neck, for two more losses: of the snippets' answer
            with the label, and with the clip's answer (DK-CLIP, ACM MM 2024). 0 for none. For
            `FrameRecognizer` with an image backbone of the text tower's width.
        snippet_epochs: train with these losses for so many epochs.
        kwargs: those of `TextHead` from `in_channels` on, and of MMAction2's `BaseHead`:
            `loss_cls`, `label_smooth_eps`, `multi_class`, `init_cfg`.

    Raises:
        ValueError: when a class has no prompt, a prompt is too long, or there is no frozen text
            tower to distill from.
    """

    def __init__(
        self,
        classes: str | Sequence[str],
        text_encoder: Mapping[str, Any],
        prompts: Prompts = 'descriptions',
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
        logit_scale: float = 100.0,
        negative_prompts: Prompts | None = None,
        distill_weight: float = 0.0,
        distill_prompts: Prompts = 'expression_template',
        snippet_frames: int = 0,
        snippet_epochs: int = 14,
        **kwargs: Any,
    ) -> None:
        super().__init__(classes, text_encoder, **kwargs)
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
        self.snippet_frames, self.snippet_epochs = snippet_frames, snippet_epochs
        self.distill_weight = distill_weight
        if distill_weight:
            if any(weight.requires_grad for weight in self.text_encoder.parameters()):
                raise ValueError(
                    f'distill_weight={distill_weight} needs a frozen text tower, whose answer does '
                    'not change: set text_encoder.frozen=True without lora or adapter, '
                    'or distill_weight=0'
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

    def loss(
        self, x: Any, data_samples: list, frames: torch.Tensor | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """The losses of MMAction2's heads for B clips (see `forward`), and those asked for.

        Args:
            x, kwargs: as of `forward`.
            data_samples: B samples with labels.
            frames: frame features (B, T, D), from `FrameRecognizer`.

        Returns:
            ``loss_cls``, and ``loss_distill``, ``loss_snippets`` and ``loss_consistency``.

        Raises:
            ValueError: when snippets are asked for, and the frames do not fit.
        """
        clips = self.encode_clips(x, kwargs.get('num_segs'))
        logits = self.score(clips)
        losses = self.loss_by_feat(logits, data_samples)
        if self.distill_weight:
            with torch.no_grad():
                texts = self.zero_shot(self.text_encoder)
                answer = cosine_logits(clips, texts, self.scale())
            divergence = F.kl_div(logits.log_softmax(-1), answer.softmax(-1), reduction='batchmean')
            losses['loss_distill'] = self.distill_weight * divergence
        # 0 outside of a run.
        epoch = MessageHub.get_current_instance().get_info('epoch', 0)
        if self.training and self.snippet_frames and epoch < self.snippet_epochs:
            local = self._score_snippets(clips, frames)
            losses['loss_snippets'] = self.loss_by_feat(local, data_samples)['loss_cls']
            # DK-CLIP's public code takes the softmax of `local` twice. Gradients flow into both.
            losses['loss_consistency'] = F.cross_entropy(local, logits.softmax(-1))
        return losses

    def _score_snippets(self, clips: torch.Tensor, frames: torch.Tensor | None) -> torch.Tensor:
        """The weighted sum of the snippets' logits: (B, C)."""
        if frames is None or frames.shape[-1] != clips.shape[-1]:
            found = 'none' if frames is None else f'{frames.shape[-1]}'
            raise ValueError(
                f'snippet_frames={self.snippet_frames} needs frame features of '
                f"{clips.shape[-1]} numbers, the text tower's width, found {found}: use "
                'FrameRecognizer and towers of one width, or set snippet_frames=0'
            )
        if frames.shape[1] % self.snippet_frames:
            raise ValueError(
                f'clips of {frames.shape[1]} frames have no snippets of {self.snippet_frames}: set '
                'cls_head.snippet_frames to a divisor'
            )
        snippets = reduce(frames, 'b (s l) d -> b s d', 'mean', l=self.snippet_frames)
        logits = self.score(snippets.flatten(0, 1)).unflatten(0, snippets.shape[:2])
        with torch.autocast(logits.device.type, enabled=False):
            return einsum(snippet_weights(clips, snippets), logits.float(), 'b s, b s c -> b c')
