"""Rebuild the inputs of the golden answers: weights, checkpoints as published, and videos.

The original programs answered on these inputs. Every parameter comes from a random stream that is
seeded by its own name, so anyone can build them again without the weights.
"""

from __future__ import annotations

import functools
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch

State = dict[str, torch.Tensor]

EMBED_DIM = 512
# Vision width and layers, text width and layers; patch 32, 224 px, heads of width 64.
CLIP_SIZES = {'tiny': (128, 2, 128, 2), 'ViT-B/32': (768, 12, 512, 12)}


@functools.cache
def parameter(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The value of the parameter `name`: float32 of this shape."""
    if name.endswith('logit_scale'):
        return torch.tensor(np.log(1 / 0.07), dtype=torch.float32)
    stream = np.random.RandomState(zlib.crc32(name.encode()))
    x = stream.standard_normal(shape or (1,)).reshape(shape)
    leaf = name.rsplit('.', 1)[-1]
    if leaf == 'weight' and ('ln_' in name or '.norm.' in name):
        x = 1 + 0.1 * x
    elif leaf == 'bias' or leaf.endswith('_bias'):
        x = 0.02 * x
    elif len(shape) >= 2 and leaf in ('weight', 'in_proj_weight'):
        x = x * (0.5 if 'token_embedding' in name else int(np.prod(shape[1:])) ** -0.5)
    elif leaf in ('proj', 'text_projection'):
        x = x * shape[0] ** -0.5
    else:
        x = 0.3 * x
    return torch.from_numpy(np.ascontiguousarray(x)).float()


def video(clips: int, frames: int, seed: int, size: int = 224) -> torch.Tensor:
    """RGB frames (clips, frames, 3, size, size), uint8."""
    shape = (clips, frames, 3, size, size)
    return torch.from_numpy(np.random.RandomState(seed).randint(0, 256, shape, dtype=np.uint8))


def clip_state_dict(size: str) -> State:
    """A CLIP in OpenAI's layout."""
    vision, vision_layers, text, text_layers = CLIP_SIZES[size]
    # open_clip's own module has that layout.
    with torch.device('meta'):
        clip = open_clip.CLIP(
            EMBED_DIM,
            dict(image_size=224, patch_size=32, layers=vision_layers, width=vision),
            dict(context_length=77, layers=text_layers, width=text, heads=text // 64),
        )
    return {
        name: parameter(f'clip.{name}', tuple(value.shape))
        for name, value in clip.state_dict().items()
    }


def dferclip_state_dict(case: Mapping[str, Any]) -> State:
    """A DFER-CLIP model in the published layout: CLIP under three prefixes."""
    clip = clip_state_dict(case['size'])
    contexts, width = case['n_ctx'], clip['ln_final.weight'].numel()
    prompts = [f'{" ".join(["X"] * contexts)} {prompt}' for prompt in case['prompts']]
    tokens = open_clip.tokenize(prompts)
    embedded = clip['token_embedding.weight'][tokens]
    owners = (len(tokens),) if case['class_specific'] else ()
    state = {
        'prompt_learner.ctx': parameter('dferclip.prompt_learner.ctx', (*owners, contexts, width)),
        'prompt_learner.token_prefix': embedded[:, :1],
        'prompt_learner.token_suffix': embedded[:, 1 + contexts :],
    }
    text = ('positional_embedding', 'text_projection', 'transformer.', 'ln_final.')
    for name, value in clip.items():
        if name.startswith(text):
            state[f'text_encoder.{name}'] = value
        elif name.startswith('visual.'):
            state[f'image_encoder.{name.removeprefix("visual.")}'] = value
    layers = case['temporal_layers']
    state.update(_temporal('dferclip.', 'temporal_net.', layers, 17, 512, 1024))
    state.update({f'clip_model_.{name}': value for name, value in clip.items()})
    return state


def emoclip_state_dict(case: Mapping[str, Any]) -> State:
    """An EmoCLIP model in the published layout: 8 heads of width 2048, 1024 positions."""
    clip = clip_state_dict(case['size'])
    state = {'logit_scale': clip['logit_scale'].clone()}
    state.update({f'backbone.{name}': value for name, value in clip.items()})
    state.update(_temporal('emoclip.', 'temporal.', 2, 1024, 8 * 2048, 512))
    return state


class RecorderMeter:
    """What published DFER-CLIP files pickle beside the weights, as a class of ``__main__``."""

    def __init__(self, total_epoch: int) -> None:
        self.total_epoch = total_epoch
        self.current_epoch = 0
        self.epoch_losses = np.zeros((total_epoch, 2), dtype=np.float32)
        self.epoch_accuracy = np.zeros((total_epoch, 2), dtype=np.float32)


def save_like_dferclip(state: State, path: Path) -> None:
    """Save with a DataParallel prefix, and with an object whose class lives in ``__main__``."""
    main, home = sys.modules['__main__'], RecorderMeter.__module__
    absent = not hasattr(main, 'RecorderMeter')
    RecorderMeter.__module__, main.RecorderMeter = '__main__', RecorderMeter
    parameters = list({id(value): value for value in state.values()}.values())
    content = {
        'epoch': 50,
        'state_dict': {f'module.{name}': value for name, value in state.items()},
        'best_acc': torch.tensor(71.25),
        'optimizer': torch.optim.SGD(parameters, lr=0.01).state_dict(),
        'recorder': RecorderMeter(50),
    }
    try:
        torch.save(content, path)
    finally:  # a loader in this process must not find the class where the file says it is
        RecorderMeter.__module__ = home
        if absent:
            del main.RecorderMeter


def save_like_emoclip(state: State, path: Path) -> None:
    """Save the bare state dict with a DistributedDataParallel prefix."""
    torch.save({f'module.{name}': value for name, value in state.items()}, path)


def _temporal(
    owner: str, prefix: str, layers: int, positions: int, inner: int, hidden: int
) -> State:
    dim = EMBED_DIM
    shapes: dict[str, tuple[int, ...]] = {
        'cls_token': (1, 1, dim),
        'pos_embedding': (1, positions, dim),
    }
    block = {
        '0.fn.norm.weight': (dim,),
        '0.fn.norm.bias': (dim,),
        '0.fn.fn.to_qkv.weight': (3 * inner, dim),
        '0.fn.fn.to_out.0.weight': (dim, inner),
        '0.fn.fn.to_out.0.bias': (dim,),
        '1.fn.norm.weight': (dim,),
        '1.fn.norm.bias': (dim,),
        '1.fn.fn.net.0.weight': (hidden, dim),
        '1.fn.fn.net.0.bias': (hidden,),
        '1.fn.fn.net.3.weight': (dim, hidden),
        '1.fn.fn.net.3.bias': (dim,),
    }
    for number in range(layers):
        stem = f'temporal_transformer.layers.{number}.'
        shapes.update({stem + name: shape for name, shape in block.items()})
    return {
        prefix + name: parameter(owner + prefix + name, shape) for name, shape in shapes.items()
    }
