"""Sentences and captions to token ids, with CLIP's tokenizer."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from open_clip import SimpleTokenizer


def tokenize(
    texts: Sequence[str],
    tokenizer: SimpleTokenizer,
    context_length: int,
    reserved: int = 0,
    owners: Sequence[str] = (),
) -> list[list[int]]:
    """The token ids of each text, without start and end token.

    Args:
        texts: N sentences.
        tokenizer: CLIP's tokenizer.
        context_length: positions that the text tower has.
        reserved: positions for learnable context.
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
        if len(tokens) > room:
            owner = f' of the class {owners[number]!r}' if owners else ''
            raise ValueError(
                f'the prompt {text[:80]!r}{owner} has {len(tokens)} tokens, but only {room} of '
                f'{context_length} are free beside start, end and {reserved} context tokens: '
                'shorten it or use fewer context tokens'
            )
        ids.append(tokens)
    return ids


def pad(ids: Sequence[Sequence[int]], tokenizer: SimpleTokenizer) -> torch.Tensor:
    """Add start and end tokens, and zeros behind: (N, L), L the longest with both."""
    rows = [[tokenizer.sot_token_id, *row, tokenizer.eot_token_id] for row in ids]
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, target in zip(rows, tokens, strict=True):
        target[: len(row)] = torch.tensor(row)
    return tokens


class CaptionTokenizer:
    """Tokenizes captions, each distinct one once.

    Args:
        tokenizer: CLIP's tokenizer.
        context_length: positions that the text tower has, start and end token included.
        truncate: cut captions that are too long, with their number in the log; False refuses them.
    """

    def __init__(self, tokenizer: SimpleTokenizer, context_length: int, truncate: bool) -> None:
        self.tokenizer = tokenizer
        self.context_length = context_length
        self.truncate = truncate
        self.num_cut = 0
        self._known: dict[str, list[int]] = {}

    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Token ids (B, context_length), zero behind the end token.

        Raises:
            ValueError: when a caption is too long and must not be cut.
        """
        ids = [self._tokenize(caption) for caption in captions]
        tokens = torch.zeros(len(ids), self.context_length, dtype=torch.long)
        filled = pad(ids, self.tokenizer)
        tokens[:, : filled.shape[1]] = filled
        return tokens

    def _tokenize(self, caption: str) -> list[int]:
        if caption not in self._known:
            tokens = self.tokenizer.encode(caption)
            room = self.context_length - 2
            if len(tokens) > room:
                self._too_long(caption, len(tokens), room)
            self._known[caption] = tokens[:room]
        return self._known[caption]

    def _too_long(self, caption: str, found: int, room: int) -> None:
        if not self.truncate:
            raise ValueError(
                f'the caption {caption[:80]!r} has {found} tokens, but {room} fit between start '
                'and end token: shorten it, or set cls_head.truncate=True to have it cut'
            )
        self.num_cut += 1
        # At the 1st, 2nd, 4th, 8th …: a corpus of long captions does not fill the log.
        if self.num_cut & (self.num_cut - 1) == 0:
            print_log(
                f'{self.num_cut} captions of more than {room} tokens have been cut so far, the '
                f'latest with {found}: {caption[:60]!r}',
                logger='current',
                level=logging.WARNING,
            )
