"""CLIP's text tower, for token ids and for embedded prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.registry import MODELS

from ..clip.build import build_tokenizer, shown
from ..clip.fast_forward import encode_causal, is_standard
from ..clip.tower import CLIPTower


@MODELS.register_module()
class CLIPTextEncoder(CLIPTower):
    """CLIP's text tower: prompts to projected features, not normalised.

    Arguments as of `CLIPTower`; the tower is frozen unless `frozen` is False.

    Raises:
        ValueError: when the architecture's text tower is not CLIP's causal Transformer, or cannot
            be updated as asked.
    """

    part = 'text'
    text: Any

    def __init__(
        self, arch: str | Mapping[str, Any] = 'ViT-B-32', frozen: bool = True, **kwargs: Any
    ) -> None:
        tokenizer = build_tokenizer(arch)
        super().__init__(arch=arch, frozen=frozen, **kwargs)
        self.tokenizer = tokenizer
        if (
            getattr(self.text, 'pool_type', None) != 'argmax'
            or self.text.cls_emb is not None
            or self.text.attn_mask is None
        ):
            raise ValueError(
                f'arch={shown(arch)} has no causal text tower that is read at its end token: use '
                'an architecture of the OpenAI kind, such as ViT-B-32, ViT-B-16 or ViT-L-14'
            )
        self.width: int = self.text.width
        self.embed_dims: int = self.text.output_dim
        self.context_length: int = self.text.context_length

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Look up token embeddings: (N, L) -> (N, L, width)."""
        return self.text.token_embedding(tokens)

    def encode(self, embedded: torch.Tensor, end: Sequence[int]) -> torch.Tensor:
        """Encode embedded prompts (N, L, width) to features (N, D).

        Attention is causal and the feature is read at the end token, so positions behind it change
        nothing and are left out.

        `end` has the position of each end token, L is at most the tower's context length.
        """
        text = self.text
        x = embedded + text.positional_embedding[: embedded.shape[1]]
        if is_standard(text):
            x = encode_causal(text.transformer, x, end)
        else:
            x = text.transformer(x, attn_mask=text.attn_mask[: x.shape[1], : x.shape[1]])
            x = x[torch.arange(len(x), device=x.device), torch.tensor(end, device=x.device)]
        return text.ln_final(x) @ text.text_projection

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Encode token ids (N, L), zero behind the end token, to features (N, D)."""
        # The end token has the largest id of the vocabulary.
        end = tokens.argmax(dim=-1).tolist()
        return self.encode(self.embed(tokens[:, : max(end) + 1]), end)
