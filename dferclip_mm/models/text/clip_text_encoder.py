"""CLIP's text tower, for tokens and for prompts that are embedded already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from torch import nn

from ..blocks import keep_less, transform_at
from ..clip import build_clip, build_tokenizer, freeze


@MODELS.register_module()
class CLIPTextEncoder(nn.Module):
    """CLIP's text tower: prompts to projected features, not normalised.

    Args:
        arch: an open_clip architecture by name, or its dimensions (see ``build_clip``).
        pretrained: an open_clip tag, a weights file, or None for random weights.
        frozen: keep the weights as they are, and out of checkpoints when `pretrained` names them.
        lean: as in `CLIPVisualEncoder`.
        grad_checkpointing: as in `CLIPVisualEncoder`.

    Raises:
        ValueError: when the architecture's text tower is not CLIP's causal Transformer.
    """

    def __init__(
        self,
        arch: str | Mapping[str, Any] = 'ViT-B-32',
        pretrained: str | None = None,
        frozen: bool = True,
        lean: bool = False,
        grad_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.tokenizer = build_tokenizer(arch)
        self.text = build_clip(arch, pretrained).text
        if getattr(self.text, 'pool_type', None) != 'argmax' or self.text.cls_emb is not None:
            raise ValueError(
                f'arch={arch!r} has no causal text tower that is read at its end token: use an '
                'architecture of the OpenAI kind, such as ViT-B-32, ViT-B-16 or ViT-L-14'
            )
        self.width: int = self.text.width
        self.embed_dim: int = self.text.output_dim
        self.context_length: int = self.text.context_length
        if frozen:
            freeze(self, 'text', rebuilt_from=pretrained)
        keep_less(self.text, lean, grad_checkpointing)

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Look up token embeddings: (N, L) -> (N, L, width)."""
        return self.text.token_embedding(tokens)

    def encode(self, embedded: torch.Tensor, end: Sequence[int]) -> torch.Tensor:
        """Encode embedded prompts.

        Attention is causal and the answer is read at the end token, so positions behind it change
        nothing: prompts are sorted by length, and groups of them cut to their longest.

        Args:
            embedded: (N, L, width), L at most the tower's context length.
            end: the position of each of the N prompts' end token.

        Returns:
            Features (N, D).
        """
        groups = groups_by_length(end)
        features = torch.cat([self._encode_group(embedded, end, rows) for rows in groups])
        if len(groups) == 1:
            return features
        order = torch.tensor([row for rows in groups for row in rows], device=features.device)
        return features[order.argsort()]

    def _encode_group(
        self, embedded: torch.Tensor, end: Sequence[int], rows: Sequence[int]
    ) -> torch.Tensor:
        length = max(end[row] for row in rows) + 1
        x = embedded[:, :length] if len(rows) == len(embedded) else embedded[list(rows), :length]
        x = x + self.text.positional_embedding[:length]
        position = torch.tensor([end[row] for row in rows], device=x.device)
        mask = self.text.attn_mask[:length, :length]
        x = self.text.ln_final(transform_at(self.text.transformer, x, position, mask))
        return x @ self.text.text_projection

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Encode token ids (N, L), zero behind the end token, to features (N, D)."""
        # The end token has the largest id of the vocabulary.
        end = tokens.argmax(dim=-1).tolist()
        return self.encode(self.embed(tokens[:, : max(end) + 1]), end)


def groups_by_length(end: Sequence[int], most: int = 32) -> list[list[int]]:
    """Indices of prompts in groups of similar length: as few groups as hold `most` each.

    One group keeps the prompts' order; several are sorted, the longest first.
    """
    count = -(-len(end) // most)
    if count == 1:
        return [[*range(len(end))]]
    order = sorted(range(len(end)), key=lambda row: end[row], reverse=True)
    return [order[len(order) * n // count : len(order) * (n + 1) // count] for n in range(count)]
