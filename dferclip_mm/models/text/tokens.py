"""Sentences to token ids, with CLIP's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from open_clip import SimpleTokenizer


def tokenize(
    texts: Sequence[str],
    tokenizer: SimpleTokenizer,
    context_length: int,
    reserved: int = 0,
    truncate: bool = False,
    owners: Sequence[str] = (),
) -> list[list[int]]:
    """The token ids of each text, without start and end token.

    Args:
        texts: N sentences.
        tokenizer: CLIP's tokenizer.
        context_length: positions that the text tower has.
        reserved: positions for learnable context.
        truncate: cut texts that are too long instead of refusing them.
        owners: the class of each of the N texts, for error messages.

    Returns:
        N lists of ids.

    Raises:
        ValueError: when a text is empty, or does not fit beside the reserved positions.
    """
    room = context_length - 2 - reserved
    ids = []
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f'expected a sentence, found {text!r}')
        tokens = tokenizer.encode(text)
        if len(tokens) > room and not truncate:
            owner = f' of the class {owners[number]!r}' if owners else ''
            raise ValueError(
                f'the prompt {text[:80]!r}{owner} has {len(tokens)} tokens, but only {room} of '
                f'{context_length} are free beside start, end and {reserved} context tokens: '
                'shorten it or use fewer context tokens'
            )
        ids.append(tokens[:room])
    return ids


def pad(ids: Sequence[Sequence[int]], tokenizer: SimpleTokenizer) -> torch.Tensor:
    """Add start and end tokens, and zeros behind: (N, L), L the longest with both."""
    rows = [[tokenizer.sot_token_id, *row, tokenizer.eot_token_id] for row in ids]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, target in zip(rows, tokens, strict=True):
        target[: len(row)] = torch.tensor(row)
    return tokens
