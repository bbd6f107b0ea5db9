"""The reference: DFER-CLIP without any shortcut, with the same weights.

Every token goes through every block, texts have 77 tokens, and nothing is cached, as in the
original code. `FrameRecognizer` is tested to be equal to it and measured against it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange

from dferclip_mm.models.similarity import cosine_logits


def reference_logits(model: Any, frames: torch.Tensor) -> torch.Tensor:
    """Logits (B, C) of clips (B, T, 3, H, W), as the model's backbone takes frames."""
    features = model.backbone.visual(frames.flatten(0, 1))
    features = rearrange(features, '(b t) d -> b t d', b=len(frames))
    video = reference_temporal(model.neck, features)
    head = model.cls_head
    return cosine_logits(head.proj(video), reference_text(head), head.logit_scale)


def reference_temporal(neck: Any, features: torch.Tensor) -> torch.Tensor:
    """Class tokens (B, D) of frame features (B, T, D), without dropout."""
    x = torch.cat([neck.cls_token.expand(len(features), -1, -1), neck.proj(features)], dim=1)
    x = x + neck.pos_embed[:, : x.shape[1]]
    for block in neck.blocks:
        attn = block.attn
        q, k, v = rearrange(
            attn.qkv(block.norm1(x)), 'b t (n h d) -> n b h t d', n=3, h=attn.num_heads
        )
        answers = F.scaled_dot_product_attention(q, k, v)
        x = x + attn.proj(rearrange(answers, 'b h t d -> b t (h d)'))
        x = x + block.mlp(block.norm2(x))
    return x[:, 0]


def reference_text(head: Any) -> torch.Tensor:
    """Class directions (C, D) of a `TextPromptHead`."""
    encoder, learner = head.text_encoder, head.prompt_learner
    text = encoder.text
    embedded = learner.embed(encoder)
    filler = text.token_embedding.weight[0].expand(
        len(embedded), encoder.context_length - embedded.shape[1], -1
    )
    x = torch.cat([embedded, filler], dim=1) + text.positional_embedding
    x = text.ln_final(text.transformer(x, attn_mask=text.attn_mask))
    x = x[torch.arange(len(x)), torch.tensor(learner.end)] @ text.text_projection
    return learner.average(x)
