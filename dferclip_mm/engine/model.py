"""A model with its checkpoint, outside of a run."""

from __future__ import annotations

from typing import Any

from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

from .hooks.strict_load_hook import compare
from .run import require_checkpoint


def load_model(cfg: Config, checkpoint: str) -> Any:
    """Build a config's model for evaluation and load a checkpoint strictly.

    Args:
        cfg: the whole config.
        checkpoint: file or URL, or ``'none'`` for a model that needs none (plain CLIP).

    Raises:
        FileNotFoundError, ValueError: when there is no checkpoint, or it does not fit.
    """
    if checkpoint != 'none':
        require_checkpoint(checkpoint)
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    model = MODELS.build(cfg.model).eval()
    if checkpoint != 'none':
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        model.load_state_dict(compare(content, model, checkpoint), strict=True)
    return model
