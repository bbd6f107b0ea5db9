"""Embedded prompts to sentences and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from open_clip import SimpleTokenizer

from .converted import ConversionError


def recover_tokens(embedded: torch.Tensor, table: torch.Tensor, end: int) -> list[list[int]]:
    """The token ids of embedded prompts, exactly, by looking their rows up.

    Args:
        embedded: (N, L, width): the text, the end token, then id 0.
        table: the token embedding, (vocabulary, width).
        end: id of the end token.

    Returns:
        The ids of each text, up to the end token and without it.

    Raises:
        ConversionError: when a row is not in the table, a text has no end, or anything but id 0
            follows the end.
    """
    first = table[:, 0].contiguous()
    texts = []
    for number, rows in enumerate(embedded):
        ids: list[int] = []
        for position, row in enumerate(rows):
            candidates = (first == row[0]).nonzero().flatten()
            same = candidates[(table[candidates] == row).all(dim=-1)]
            if not len(same):
                raise ConversionError(
                    f'the embedded prompt of class {number} matches no token at position '
                    f'{position}: token_suffix and the token embedding are not from the same model'
                )
            if int(same[0]) == end:
                break
            ids.append(int(same[0]))
        padding = rows[len(ids) + 1 :]
        if len(ids) == len(rows) or not torch.equal(padding, table[0].expand_as(padding)):
            raise ConversionError(
                f'the embedded prompt of class {number} is not a text, the end token and padding '
                f'(id 0): found {len(ids)} tokens in {len(rows)} positions'
            )
        texts.append(ids)
    return texts


def decode(texts: Sequence[Sequence[int]], tokenizer: SimpleTokenizer) -> list[str]:
    """Sentences in the tokenizer's normal form, which encode to the same ids.

    Raises:
        ConversionError: when a sentence would not, or is empty.
    """
    sentences = []
    for number, ids in enumerate(texts):
        sentence = tokenizer.decode(list(ids)).strip()
        if not sentence or tokenizer.encode(sentence) != list(ids):
            raise ConversionError(
                f'the prompt of class {number} reads {sentence!r}, which does not give its '
                f'{len(ids)} tokens again: it cannot be written as a sentence'
            )
        sentences.append(sentence)
    return sentences


def embed(
    sentences: Sequence[str],
    table: torch.Tensor,
    tokenizer: SimpleTokenizer,
    context_length: int,
    reserved: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Start tokens (N, 1, width) and what follows the reserved positions (N, L, width).

    The two tensors that DFER-CLIP's checkpoints hold, L being ``context_length - 1 - reserved``.

    Raises:
        ConversionError: when a sentence is too long.
    """
    tokens = torch.zeros(len(sentences), context_length - 1 - reserved, dtype=torch.long)
    for row, sentence in zip(tokens, sentences, strict=True):
        ids = [*tokenizer.encode(sentence), tokenizer.eot_token_id]
        if len(ids) > len(row):
            raise ConversionError(
                f'the prompt {sentence[:80]!r} has {len(ids) - 1} tokens, but {len(row) - 1} are '
                f'free beside {reserved} context tokens'
            )
        row[: len(ids)] = torch.tensor(ids)
    start = torch.full((len(sentences), 1), tokenizer.sot_token_id)
    return table[start], table[tokens]
