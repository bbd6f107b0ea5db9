"""Learnable context around the sentences of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from ..similarity import mean_unit_vector
from .clip_text_encoder import CLIPTextEncoder
from .tokens import count_tokens


def context_layout(lengths: Sequence[int], num_context: int, position: str) -> torch.Tensor:
    """The positions of the context vectors among the tokens of each prompt.

    With [S] the start token, [E] the end token and n context vectors: ``'end'`` reads
    [S][n context][text][E], ``'middle'`` [S][n // 2 context][text][the rest][E], ``'front'``
    [S][text][n context][E]. The names say where the *text* goes, as in the original code.

    Args:
        lengths: tokens of each of the N texts.
        num_context: context vectors, n.
        position: one of these names.

    Returns:
        Boolean (N, L): True for a context vector; L fits the longest prompt.

    Raises:
        ValueError: when the position is unknown.
    """
    before = {'end': num_context, 'middle': num_context // 2, 'front': 0}
    if position not in before:
        raise ValueError(f'context_position={position!r}: expected one of {", ".join(before)}')
    layout = torch.zeros(len(lengths), max(lengths) + num_context + 2, dtype=torch.bool)
    for row, length in zip(layout, lengths, strict=True):
        row[1 : 1 + before[position]] = True
        row[1 + before[position] + length : 1 + length + num_context] = True
    return layout


class PromptLearner(nn.Module):
    """The prompts of C classes: sentences in learnable context vectors (DFER-CLIP, section 3.3).

    A compound class has a part for each of its emotions, any other class one part, and a part may
    have several sentences. The direction of a part is the mean of its sentences' directions, that
    of a class the mean of its parts', so that emotions weigh the same (EmoCLIP).

    Args:
        parts: for each class the sentences of each part, as `load_prompt_parts` returns them; N in
            all, where those that classes share count once, unless each class has its own context.
        text_encoder: the tower that encodes the prompts; not stored.
        num_context: context vectors per prompt, n; 0 for none.
        class_specific: one context for each class, or one for all.
        context_position: where the text is put (see ``context_layout``).

    Raises:
        ValueError: when a prompt is too long for the text tower, or the position is unknown.
    """

    tokens: torch.Tensor
    is_context: torch.Tensor
    class_index: torch.Tensor
    part_index: torch.Tensor
    members: torch.Tensor

    def __init__(
        self,
        parts: Sequence[Mapping[str, Sequence[str]]],
        text_encoder: CLIPTextEncoder,
        num_context: int = 8,
        class_specific: bool = True,
        context_position: str = 'end',
    ) -> None:
        super().__init__()
        self.num_classes = len(parts)
        self.num_context = num_context
        self.class_specific = class_specific
        self.context_position = context_position
        # Each part once, by its name and, where its context is a class's own, the class.
        own = class_specific and num_context > 0
        keys = [[(own * number, name) for name in group] for number, group in enumerate(parts)]
        sentences = {
            key: group[key[1]] for group, names in zip(parts, keys, strict=True) for key in names
        }
        owners = [key for key, texts in sentences.items() for _ in texts]
        texts = [text for group in sentences.values() for text in group]
        tokenizer, room = text_encoder.tokenizer, text_encoder.context_length
        lengths = count_tokens(texts, tokenizer, room, num_context, [name for _, name in owners])
        layout = context_layout(lengths, num_context, context_position)
        tokens = torch.zeros(layout.shape, dtype=torch.long)
        # Every row has the same number of context positions, so the rest fills up row by row.
        tokens[~layout] = tokenizer(texts, max(lengths) + 2).flatten()
        self.end = [length + num_context + 1 for length in lengths]
        order = {key: index for index, key in enumerate(sentences)}
        members = [(order[key], number) for number, names in enumerate(keys) for key in names]
        self.num_parts = len(order)
        # The prompts follow from the config, so checkpoints do not hold them.
        for name, value in (
            ('tokens', tokens),
            ('is_context', layout),
            ('class_index', torch.tensor([number for number, _ in owners])),
            ('part_index', torch.tensor([order[key] for key in owners])),
            ('members', torch.tensor(members).T),
        ):
            self.register_buffer(name, value, persistent=False)
        if num_context > 0:
            owned = (self.num_classes,) if class_specific else ()
            shape = (*owned, num_context, text_encoder.width)
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

    def average(
        self, features: torch.Tensor, mean: Callable[..., torch.Tensor] = mean_unit_vector
    ) -> torch.Tensor:
        """Features of all prompts, (N, D), to one per class, (C, D): of parts, then of classes."""
        parts = mean(features, self.part_index, self.num_parts)
        part, owner = self.members
        return mean(parts[part], owner, self.num_classes)

    def forward(self, text_encoder: CLIPTextEncoder) -> torch.Tensor:
        """Encode all prompts: one direction per class, (C, D), float32, each of length 1."""
        return self.average(text_encoder.encode(self.embed(text_encoder), self.end))
