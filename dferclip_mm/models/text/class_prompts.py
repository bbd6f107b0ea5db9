"""Fixed sentences for each class, encoded to one direction per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from ..similarity import mean_unit_vector
from .clip_text_encoder import CLIPTextEncoder
from .tokens import pad, tokenize


class ClassPrompts(nn.Module):
    """The sentences of C classes, tokenized once.

    A compound class has a part for each of its emotions, any other class one part, and a part may
    have several sentences. The direction of a part is the mean of its sentences' directions, that
    of a class the mean of its parts', so that emotions weigh the same (EmoCLIP).

    Args:
        parts: for each class the sentences of each part, as `load_prompt_parts` returns them.
        text_encoder: the tower that encodes the sentences; not stored.

    Raises:
        ValueError: when a sentence is longer than the text tower's context.
    """

    tokens: torch.Tensor
    part_of_sentence: torch.Tensor
    part_of_member: torch.Tensor
    class_of_member: torch.Tensor

    def __init__(
        self, parts: Sequence[Mapping[str, Sequence[str]]], text_encoder: CLIPTextEncoder
    ) -> None:
        super().__init__()
        # Emotions that compound classes share are encoded once.
        distinct = {name: texts for group in parts for name, texts in group.items()}
        number = {name: index for index, name in enumerate(distinct)}
        ids = tokenize(
            [text for texts in distinct.values() for text in texts],
            text_encoder.tokenizer,
            text_encoder.context_length,
            owners=[name for name, texts in distinct.items() for _ in texts],
        )
        members = [(number[name], index) for index, group in enumerate(parts) for name in group]
        owners = [number[name] for name, texts in distinct.items() for _ in texts]
        # The sentences follow from the config, so checkpoints do not hold them.
        for name, value in (
            ('tokens', pad(ids, text_encoder.tokenizer)),
            ('part_of_sentence', torch.tensor(owners)),
            ('part_of_member', torch.tensor([part for part, _ in members])),
            ('class_of_member', torch.tensor([index for _, index in members])),
        ):
            self.register_buffer(name, value, persistent=False)
        self.num_parts = len(distinct)
        self.num_classes = len(parts)

    def forward(self, text_encoder: CLIPTextEncoder) -> torch.Tensor:
        """One direction per class: (C, D), float32, each of length 1."""
        parts = mean_unit_vector(text_encoder(self.tokens), self.part_of_sentence, self.num_parts)
        return mean_unit_vector(parts[self.part_of_member], self.class_of_member, self.num_classes)
