"""Which places of the face speak for a class."""

from __future__ import annotations

import difflib
from contextlib import ExitStack
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from mmaction.models.backbones.vit_mae import VisionTransformer as VideoViT
from open_clip.transformer import VisionTransformer as CLIPViT
from timm.models.vision_transformer import VisionTransformer as TimmViT

from .attention import record_attention, rollout
from .clip import Clip, UndefinedError, class_logits


@torch.enable_grad()
def patch_relevance(model: Any, clip: Clip, label: int, layer: str | None = None) -> np.ndarray:
    """How much each patch of each frame speaks for a class, against the others.

    Of a Transformer over patches (open_clip's, timm's, VideoMAE), this is the rollout of its
    attention as far as the score rises with it (Chefer, Gur & Wolf, 2021); else the last map of
    features, or that of the module `layer`, times its gradient, summed over channels: HiResCAM
    (Draelos & Carin, 2020), which is Grad-CAM where the map is averaged.

    The result, (T, h, w), is zero or positive. Raises UndefinedError when the backbone has no map
    or attention that counts, ValueError when it has no such layer.
    """
    modules = dict(model.backbone.named_modules())
    if layer is not None and layer not in modules:
        near = ', '.join(difflib.get_close_matches(layer, modules, cutoff=0))
        raise ValueError(f'the backbone has no layer {layer!r}; did you mean {near}?')
    watched = [*modules.values()] if layer is None else [modules[layer]]
    kinds = (CLIPViT, TimmViT, VideoViT)
    tower: Any = next((each for each in watched if isinstance(each, kinds)), None)
    with ExitStack() as stack:
        recorded: list[torch.Tensor] = []
        if tower is None:
            note = partial(_note_map, recorded, len(clip.numbers))
            for module in watched:
                stack.enter_context(module.register_forward_hook(note))
        else:
            blocks = tower.transformer.resblocks if isinstance(tower, CLIPViT) else tower.blocks
            recorded = stack.enter_context(record_attention([block.attn for block in blocks]))
        logits = class_logits(model, clip.inputs[None])[0]
        # Texts have much in common, and so have the gradients of their cosines.
        score = logits[label] - logits.mean()
        # A tower that saves memory computes its blocks again here, and records them again.
        values = [*recorded]
        gradients = torch.autograd.grad(score, values, materialize_grads=True) if values else ()
    if not any(each.any() for each in gradients):
        raise UndefinedError(
            f'{type(model.backbone).__name__} has no map of features, (frames, channels, height, '
            'width) or with time, that a gradient of the class reaches and behind which no '
            'attention follows; --layer may name another'
        )
    shares = [value * gradient for value, gradient in zip(values, gradients, strict=True)]
    if tower is None:
        channels = -1 if getattr(model, 'feature_shape', None) == 'NHWC' else 1
        return clip.spread(F.relu(shares[0].sum(dim=channels)).flatten(0, -3))
    tokens = rollout([F.relu(share).mean(dim=1) for share in shares])
    # Read is the class token, or all where they are averaged: their rows have a gradient.
    relevance = (tokens * (gradients[-1] != 0).any(dim=1).any(dim=-1, keepdim=True)).sum(dim=1)
    grid = tower.patch_embed.grid_size if isinstance(tower, TimmViT) else tower.grid_size
    # Before the patches stand the class token and others that are no patches.
    patches = relevance[:, relevance.shape[1] % (grid[0] * grid[1]) :]
    return clip.spread(patches.reshape(-1, *grid))


def overlay(clip: Clip, relevance: np.ndarray) -> np.ndarray:
    """Frames in grey with their relevance in colour, (T, H, W, 3) RGB; red is the clip's most."""
    grey = clip.frames.mean(axis=-1, keepdims=True)
    scaled = relevance / max(float(relevance.max()), 1e-12)
    heat = np.stack([cv2.resize(each, clip.frames.shape[2:0:-1]) for each in scaled])[..., None]
    colors = colormaps['turbo'](heat[..., 0], bytes=True)[..., :3]
    return (grey + 0.7 * np.sqrt(heat) * (colors - grey)).astype(np.uint8)


def _note_map(maps: list[torch.Tensor], frames: int, module: Any, _: Any, output: Any) -> None:
    """A hook that keeps the last map behind which no attention is computed."""
    found = [each for each in _maps(output) if len(each) == (frames if each.ndim == 4 else 1)]
    # 'Extractor' is UniFormerV2's attention; the pool of CLIP's ResNets only reads the map.
    kind = type(module).__name__.replace('AttentionPool2d', '')
    if found or kind == 'Extractor' or 'Attention' in kind:
        maps[:] = sorted(found, key=lambda each: each.shape[1])[-1:]


def _maps(output: Any) -> list[torch.Tensor]:
    if isinstance(output, tuple | list):
        return [each for part in output for each in _maps(part)]
    is_map = isinstance(output, torch.Tensor) and output.ndim in (4, 5) and output.requires_grad
    return [output] if is_map and min(output.shape[-2:]) > 1 else []
