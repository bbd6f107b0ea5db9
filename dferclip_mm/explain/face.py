"""Which places of the face speak for a class."""

from __future__ import annotations

import difflib
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from mmaction.models.backbones.vit_mae import VisionTransformer as VideoViT
from open_clip.transformer import VisionTransformer as CLIPViT
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import nn

from .attention import record_attention, relevance_rollout, switched_off
from .clip import Clip, UndefinedError, class_logits, preprocess


def patch_relevance(model: Any, clip: Clip, label: int, layer: str | None = None) -> np.ndarray:
    """How much each patch of each frame speaks for a class, against the others.

    Where the backbone is a Transformer over patches (open_clip's, timm's, VideoMAE), this is the
    rollout of its attention, weighted by gradients; otherwise its last map of features times the
    gradient of the map, summed over channels: Grad-CAM with a weight for each place (HiResCAM,
    Draelos & Carin, 2020), which is Grad-CAM where the map is averaged.

    Args:
        model, clip, label: of T frames.
        layer: name of a module of the backbone whose map is taken instead.

    Returns:
        (T, h, w) on the backbone's grid, zero or positive.

    Raises:
        UndefinedError: when no relevance is defined for the backbone.
        ValueError: when it has no such layer.
    """
    kinds = (CLIPViT, TimmViT, VideoViT)
    tower = next((each for each in model.backbone.modules() if isinstance(each, kinds)), None)
    inputs = preprocess(model, [clip.inputs]).requires_grad_()
    # What is recomputed in the backward pass would not be what the hooks have seen.
    with torch.enable_grad(), switched_off(model.backbone, 'grad_checkpointing'):
        if tower is not None and layer is None:
            found = _relevance_of_tokens(model, inputs, label, tower)
        else:
            watched = list(model.backbone.modules()) if layer is None else [_find(model, layer)]
            found = _relevance_of_map(model, inputs, label, len(clip.numbers), watched)
    # Video backbones answer for several frames at once.
    times = np.arange(len(clip.numbers)) * len(found) // len(clip.numbers)
    return found.detach().float().cpu().numpy()[times]


def overlay(clip: Clip, relevance: np.ndarray) -> np.ndarray:
    """Frames in grey with their relevance in colour, (T, H, W, 3) RGB; red is the clip's most."""
    height, width = clip.frames.shape[1:3]
    grey = clip.frames.mean(axis=-1, keepdims=True)
    scaled = relevance / max(float(relevance.max()), 1e-12)
    heat = np.stack([cv2.resize(each, (width, height)) for each in scaled])[..., None]
    colors = colormaps['turbo'](heat[..., 0], bytes=True)[..., :3]
    return (grey + 0.7 * np.sqrt(heat) * (colors - grey)).astype(np.uint8)


def contrast(logits: torch.Tensor, label: int) -> torch.Tensor:
    """A class's logit less the mean of the others, a scalar, from (1, C).

    The texts of all classes have much in common, and so have the gradients of their cosines.
    """
    others = logits.shape[1] - 1
    return logits[0, label] - (logits[0].sum() - logits[0, label]) / max(1, others)


def _find(model: Any, name: str) -> nn.Module:
    modules = dict(model.backbone.named_modules())
    if name not in modules:
        near = difflib.get_close_matches(name, modules, n=3, cutoff=0.3) or list(modules)[-3:]
        raise ValueError(f'the backbone has no layer {name!r}; did you mean {", ".join(near)}?')
    return modules[name]


def _relevance_of_tokens(model: Any, inputs: torch.Tensor, label: int, tower: Any) -> torch.Tensor:
    blocks = tower.transformer.resblocks if isinstance(tower, CLIPViT) else tower.blocks
    with record_attention([block.attn for block in blocks]) as weights:
        score = contrast(class_logits(model, inputs), label)
    tokens = relevance_rollout(weights, _gradients(score, weights))
    grid = tower.patch_embed.grid_size if isinstance(tower, TimmViT) else tower.grid_size
    # Before the patches stand the class token and others that are no patches.
    return tokens[:, tokens.shape[1] % (grid[0] * grid[1]) :].reshape(-1, *grid)


def _relevance_of_map(
    model: Any, inputs: torch.Tensor, label: int, frames: int, watched: list[nn.Module]
) -> torch.Tensor:
    """From the last map of the watched modules behind which no attention is computed."""
    maps: list[torch.Tensor] = []

    # 'Extractor' is UniFormerV2's attention.
    def note(module: nn.Module, _: Any, output: Any) -> None:
        found = [each for each in _maps(output) if len(each) == (frames if each.ndim == 4 else 1)]
        if found:
            maps[:] = [max(found, key=lambda each: each.shape[1])]
        elif type(module).__name__ == 'Extractor' or 'Attention' in type(module).__name__:
            maps.clear()

    handles = [module.register_forward_hook(note) for module in watched]
    try:
        score = contrast(class_logits(model, inputs), label)
    finally:
        for handle in handles:
            handle.remove()
    if not maps:
        raise UndefinedError(
            f'{type(model.backbone).__name__} has no map of features, (frames, channels, height, '
            'width) or with time, behind which no attention follows; --layer may name another'
        )
    (gradient,) = _gradients(score, maps)
    channels = -1 if getattr(model, 'feature_shape', None) == 'NHWC' else 1
    return F.relu((maps[0] * gradient).sum(dim=channels)).flatten(0, -3)


def _gradients(score: torch.Tensor, of: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    found = torch.autograd.grad(score, of, materialize_grads=True)
    if not any(each.any() for each in found):
        raise UndefinedError('no gradient of the class reaches the patches of the backbone')
    return found


def _maps(output: Any) -> list[torch.Tensor]:
    if isinstance(output, tuple | list):
        return [each for part in output for each in _maps(part)]
    is_map = isinstance(output, torch.Tensor) and output.ndim in (4, 5) and output.requires_grad
    return [output] if is_map and min(output.shape[-2:]) > 1 else []
