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
    starts, rests = embed(sentences, table, tokenizer, rest.shape[1])
    for number, sentence in enumerate(sentences):
        same_start = torch.equal(starts[number], start[number])
        if not (sentence and same_start and torch.equal(rests[number], rest[number])):
            raise ValueError(
                f'the prompt of class {number} reads {sentence[:80]!r}, which does not give its '
                'embedded tokens again (prompt_learner.token_prefix and token_suffix): they and '
                'the token embedding are not from the same model'
            )
    return sentences


def embed(
    sentences: Sequence[str], table: torch.Tensor, tokenizer: SimpleTokenizer, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Start tokens (N, 1, width), and N sentences with end token, filled up with id 0 to `length`.

    `table` is the token embedding, (vocabulary, width).
    """
    tokens = tokenizer(list(sentences), 1 + length)
    return table[tokens[:, :1]], table[tokens[:, 1:]]
