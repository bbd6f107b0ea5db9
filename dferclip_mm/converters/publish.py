"""Replace the text tower of a trained model by its features of the prompts."""

from __future__ import annotations

import copy
from typing import Any

import open_clip
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch import nn

from ..models.recognizers.frame_recognizer import name_arch

_TEXT_SETTINGS = (
    'text_encoder',
    'prompts',
    'num_context',
    'class_specific',
    'context_position',
    'distill_weight',
    'distill_prompts',
    'snippet_frames',
    'snippet_epochs',
)
# Where a run writes and what it starts from does not belong to a model.
_RUN_SETTINGS = ('load_from', 'resume', 'work_dir', 'launcher')


def bake_text_features(model: nn.Module, cfg: Config) -> tuple[dict[str, torch.Tensor], Config]:
    """A state dict and a config that evaluate as the model does, without text tower and prompts.

    All weights that evaluation needs are in it, so that nothing is downloaded.

    Args:
        model: a recognizer whose `cls_head` is a `TextPromptHead`, its checkpoint loaded and the
            updates of LoRA merged.
        cfg: the complete config that it was built from.

    Raises:
        ValueError: when the head is no `TextPromptHead`, or has negative prompts.
    """
    head: Any = model.cls_head
    if cfg.model.cls_head.type != 'TextPromptHead':
        raise ValueError(
            f'a {cfg.model.cls_head.type} has no prompts to replace: expected a config whose '
            'model.cls_head is a TextPromptHead'
        )
    if head.has_negatives:
        raise ValueError(
            'a head with negative_prompts has two texts for each class, and PrecomputedTextHead '
            'takes one: share the config with the training checkpoint, or export the model'
        )
    model.eval()
    with torch.no_grad():
        text = head.class_features()
    # Config.copy() would share `model` with the caller's.
    published = copy.deepcopy(cfg)
    for name in _RUN_SETTINGS:
        published.pop(name, None)
    kept = {key: value for key, value in cfg.model.cls_head.items() if key not in _TEXT_SETTINGS}
    kept.update(type='PrecomputedTextHead', classes=list(head.classes), embed_dims=text.shape[-1])
    if head.prior_adjustment and head.class_counts is not None:
        # The config that is published has no training clips to count.
        kept['class_counts'] = list(head.class_counts)
    published.model.cls_head = kept
    arch = published.model.pop('arch', None)
    if arch is not None:
        # The head has no text tower any more.
        name_arch(arch, published.model.backbone)
    if published.model.backbone.pop('lora', None) is not None:
        published.model.backbone.frozen = True
    _unpretrain(published.model.backbone, model.get_submodule('backbone'))

    # Frozen towers are buffers that state_dict() leaves out, so take everything by name.
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    tensors['cls_head.text_features'] = text
    names = MODELS.build(published.model).state_dict()
    return {name: tensors[name].detach().cpu().clone() for name in names}, published


def _unpretrain(cfg: Any, backbone: nn.Module) -> None:
    """Let a backbone be built without its pretrained weights, which the checkpoint holds."""
    if cfg.get('pretrained') is None:
        return
    cfg.pretrained = None
    # The weights decided about QuickGELU; without them, the architecture has to.
    if any(isinstance(module, open_clip.transformer.QuickGELU) for module in backbone.modules()):
        if not isinstance(cfg.arch, str):
            cfg.arch = {**cfg.arch, 'quick_gelu': True}
        elif not open_clip.get_model_config(cfg.arch).get('quick_gelu'):
            cfg.arch = f'{cfg.arch}-quickgelu'
