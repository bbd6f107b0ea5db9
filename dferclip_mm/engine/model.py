"""A model with its checkpoint, outside of a run."""

from __future__ import annotations

from typing import Any

from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..checkpoints.compare import check_fits
from ..checkpoints.load import read_weights
from .calibration import use_calibration
from .class_counts import build_train_dataset, tell_class_counts


def load_model(cfg: Config, checkpoint: str) -> Any:
    """Build a config's model for evaluation and load a checkpoint strictly.

    Its head gets the checkpoint's temperature, see `use_calibration`, and where `prior_adjustment`
    needs them, the counts of the config's training clips.

    Args:
        cfg: the whole config.
        checkpoint: file or URL, or ``'none'`` for a model that needs none (plain CLIP).

    Raises:
        FileNotFoundError, ValueError: when there is no checkpoint, it does not fit, or the training
            clips are needed and missing.
    """
    weights = None if checkpoint == 'none' else read_weights(checkpoint)
    use_calibration(cfg, checkpoint)
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    model = MODELS.build(cfg.model).eval()
    if weights is not None:
        check_fits(weights, model.state_dict(), checkpoint)
        model.load_state_dict(weights, strict=True)
    tell_class_counts(getattr(model, 'cls_head', None), lambda: build_train_dataset(cfg))
    return model
