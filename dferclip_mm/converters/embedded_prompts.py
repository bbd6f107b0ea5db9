"""Embedded prompts, as DFER-CLIP's checkpoints hold them, to sentences and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from open_clip import SimpleTokenizer


def recover_sentences(
    start: torch.Tensor, rest: torch.Tensor, table: torch.Tensor, tokenizer: SimpleTokenizer
) -> list[str]:
    """The sentences of embedded prompts, exactly, by looking their rows up.

    Args:
        start: embedded start tokens, (N, 1, width).
        rest: what follows the context, (N, L, width): text, end token, then id 0.
        table: the token embedding, (vocabulary, width).
        tokenizer: CLIP's.

    Returns:
        N sentences in the tokenizer's normal form.

    Raises:
        ValueError: when a sentence does not give its tensors again.
    """
    first = table[:, 0].contiguous()
    sentences = []
    for rows in rest:
        ids: list[int] = []
        for row in rows[:-1]:
            candidates = (first == row[0]).nonzero().flatten()
            same = candidates[(table[candidates] == row).all(dim=-1)]
            if not len(same) or int(same[0]) == tokenizer.eot_token_id:
                break
            ids.append(int(same[0]))
        sentences.append(tokenizer.decode(ids).strip())
    again = embed(sentences, table, tokenizer, rest.shape[1])
    for number, sentence in enumerate(sentences):
        if not sentence or not all(
            torch.equal(found[number], given[number])
            for found, given in zip(again, (start, rest), strict=True)
        ):
            raise ValueError(
                f'the prompt of class {number} reads {sentence[:80]!r}, which does not give its '
                'embedded tokens again (prompt_learner.token_prefix and token_suffix): they and '
                'the token embedding are not from the same model'
            )
    return sentences


def embed(
    sentences: Sequence[str], table: torch.Tensor, tokenizer: SimpleTokenizer, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Start tokens (N, 1, width), and sentences with their end token, filled up to L with id 0.

    Args:
        sentences: N.
        table: the token embedding, (vocabulary, width).
        tokenizer: CLIP's.
        length: L.

    Raises:
        ValueError: when a sentence is too long.
    """
    tokens = torch.zeros(len(sentences), length, dtype=torch.long)
    for row, sentence in zip(tokens, sentences, strict=True):
        ids = [*tokenizer.encode(sentence), tokenizer.eot_token_id]
        if len(ids) > length:
            raise ValueError(
                f'the prompt {sentence[:80]!r} has {len(ids) - 1} tokens, but {length - 1} are '
                'free beside its context'
            )
        row[: len(ids)] = torch.tensor(ids)
    start = torch.full((len(sentences), 1), tokenizer.sot_token_id)
    return table[start], table[tokens]
