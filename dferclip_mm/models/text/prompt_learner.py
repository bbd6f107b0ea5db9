"""Learnable context around the sentences of each class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from .clip_text_encoder import CLIPTextEncoder
from .tokens import pad, tokenize

CONTEXT_POSITIONS = ('end', 'middle', 'front')


def context_layout(lengths: Sequence[int], num_context: int, position: str) -> torch.Tensor:
    """The positions of the context vectors among the tokens of each prompt.

    With [S] the start token, [E] the end token and n context vectors: ``'end'`` reads
    [S][n context][text][E], ``'middle'`` [S][n // 2 context][text][the rest][E], ``'front'``
    [S][text][n context][E]. The names say where the *text* goes, as in the original code.

    Args:
        lengths: tokens of each of the N texts.
        num_context: context vectors, n.
        position: one of ``CONTEXT_POSITIONS``.

    Returns:
        Boolean (N, L): True where a context vector stands; L fits the longest prompt.

    Raises:
        ValueError: when the position is unknown.
    """
    if position not in CONTEXT_POSITIONS:
        raise ValueError(
            f'context_position={position!r}: expected one of {", ".join(CONTEXT_POSITIONS)}'
        )
    before = {'end': num_context, 'middle': num_context // 2, 'front': 0}[position]
    layout = torch.zeros(len(lengths), max(lengths) + num_context + 2, dtype=torch.bool)
    for row, length in zip(layout, lengths, strict=True):
        row[1 : 1 + before] = True
        row[1 + before + length : 1 + length + num_context] = True
    return layout


class PromptLearner(nn.Module):
    """Prompts of learnable context vectors and fixed sentences (DFER-CLIP, section 3.3).

    Args:
        sentences: for each of C classes its sentences, N in all.
        text_encoder: the tower that encodes the prompts; not stored.
        num_context: context vectors per prompt, n; 0 for none.
        class_specific: one context for each class, or one for all.
        context_position: where the text stands (see ``context_layout``).
        classes: the C class names, for error messages.

    Raises:
        ValueError: when a prompt is longer than the text tower's context, or the position is
            unknown.
    """

    tokens: torch.Tensor
    is_context: torch.Tensor
    class_index: torch.Tensor

    def __init__(
        self,
        sentences: Sequence[Sequence[str]],
        text_encoder: CLIPTextEncoder,
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        texts = [text for group in sentences for text in group]
        ids = tokenize(
            texts,
            text_encoder.tokenizer,
            text_encoder.context_length,
            reserved=num_context,
            owners=[name for name, group in zip(classes, sentences, strict=False) for _ in group],
        )
        layout = context_layout([len(row) for row in ids], num_context, context_position)
        tokens = torch.zeros(layout.shape, dtype=torch.long)
        # Every row has the same number of context positions, so the rest fills up row by row.
        tokens[~layout] = pad(ids, text_encoder.tokenizer).flatten()
        index = [number for number, group in enumerate(sentences) for _ in group]
        self.end = [len(row) + num_context + 1 for row in ids]
        # The prompts follow from the config, so checkpoints do not hold them.
        self.register_buffer('tokens', tokens, persistent=False)
        self.register_buffer('is_context', layout, persistent=False)
        self.register_buffer('class_index', torch.tensor(index), persistent=False)
        self.num_classes = len(sentences)
        self.num_context = num_context
        self.class_specific = class_specific
        self.context_position = context_position
        if num_context > 0:
            owners = (self.num_classes,) if class_specific else ()
            shape = (*owners, num_context, text_encoder.width)
            self.context = nn.Parameter(torch.empty(shape).normal_(std=0.02))

    def embed(self, text_encoder: CLIPTextEncoder) -> torch.Tensor:
        """All prompts with their context: (N, L, width), L fits the longest."""
        embedded = text_encoder.embed(self.tokens)
        if self.num_context == 0:
            return embedded
        context = (
            self.context[self.class_index]
            if self.class_specific
            else self.context.expand(len(self.tokens), -1, -1)
        )
        return embedded.masked_scatter(self.is_context.unsqueeze(-1), context.to(embedded.dtype))

    def forward(self, text_encoder: CLIPTextEncoder) -> torch.Tensor:
        """Encode all prompts: features (N, D), not normalised."""
        return text_encoder.encode(self.embed(text_encoder), self.end)
