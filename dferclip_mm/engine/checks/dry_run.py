"""A clip must pass through the model."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader

from ..seeding import preserve_rng_state

_ADVICE = (
    'check that format_shape in the pipeline fits the recognizer (NCHW for images, NCTHW for '
    'videos), that video backbones are in Recognizer3D and image backbones in FrameRecognizer, and '
    'that in_channels of neck and cls_head is the number of channels that they receive'
)
# Of PyTorch and MMAction2, where shapes do not fit.
_MISFITS = (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, IndexError)


def check_one_clip(model: Any, loader: DataLoader, key: str) -> None:
    """Score the first clip of a loader's dataset, the model in evaluation mode, without gradients.

    Which channels a backbone returns, and whether its output has frames, shows only when a clip
    passes through it. Weights and random numbers do not change.
    """
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with preserve_rng_state(devices=devices), torch.no_grad():
        batch = loader.collate_fn([loader.dataset[0]])
        try:
            model.val_step(batch)
        except torch.OutOfMemoryError:
            raise
        except _MISFITS as error:
            shapes = ', '.join(str(tuple(clip.shape)) for clip in batch['inputs'])
            found = ' '.join(str(error).split())[:600]
            advice = '' if isinstance(error, ValueError) else f'; {_ADVICE}'
            raise ValueError(
                f'a clip of {key}, of shape {shapes}, does not pass through the model: '
                f'{found}{advice}'
            ) from error
