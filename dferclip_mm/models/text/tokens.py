"""Sentences and captions to token ids, with CLIP's tokenizer."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from open_clip import SimpleTokenizer


def count_tokens(
    texts: Sequence[str],
    tokenizer: SimpleTokenizer,
    context_length: int,
    reserved: int,
    owners: Sequence[str],
) -> list[int]:
    """The number of tokens of each of N texts, without start and end token.

    Raises:
        ValueError: when a text does not fit into `context_length` positions beside those that are
            `reserved` for learnable context; it names the text's class, from `owners`.
    """
    room = context_length - 2 - reserved
    lengths = [len(tokenizer.encode(text)) for text in texts]
    for text, length, owner in zip(texts, lengths, owners, strict=True):
        if length > room:
            raise ValueError(
                f'the prompt {text[:80]!r} of the class {owner!r} has {length} tokens, but only '
                f'{room} of {context_length} are free beside start, end and {reserved} context '
                'tokens: shorten it or use fewer context tokens'
            )
    return lengths


class CaptionTokenizer:
    """Tokenizes captions, each distinct one once; cuts those that are too long, and logs how many.

    Args:
        tokenizer: CLIP's tokenizer.
        context_length: positions that the text tower has, start and end token included.
    """

    def __init__(self, tokenizer: SimpleTokenizer, context_length: int) -> None:
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.num_cut = 0
        self._known: dict[str, torch.Tensor] = {}

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Token ids (B, context_length), zero behind the end token."""
        for caption in captions:
            if caption not in self._known:
                self._check_length(caption)
                self._known[caption] = self.tokenizer(caption, self.context_length)[0]
        return torch.stack([self._known[caption] for caption in captions])

    def _check_length(self, caption: str) -> None:
        found, room = len(self.tokenizer.encode(caption)), self.context_length - 2
        if found <= room:
            return
        self.num_cut += 1
        # At the 1st, 2nd, 4th, 8th …: a corpus of long captions does not fill the log.
        if self.num_cut & (self.num_cut - 1) == 0:
            print_log(
                f'{self.num_cut} captions of more than {room} tokens have been cut so far, the '
                f'latest with {found}: {caption[:60]!r}',
                logger='current',
                level=logging.WARNING,
            )
