"""One clip of each kind goes through the model before training starts."""

from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook

from ..seeding import preserve_rng_state


@HOOKS.register_module()
class DryRunHook(Hook):
    """Stops a run at its start when a clip does not fit the model, in training or in validation.

    Which channels a backbone gives, and whether its answer has frames, shows only when a clip
    passes through it; without this, validation clips would be refused after an epoch of training.
    One clip of each data set is scored, without gradients; weights and random numbers stay as
    they were.
    """

    # After ClassNamesHook, which tells some heads their classes.
    priority = 'LOW'

    def before_train(self, runner: Any) -> None:
        """Score one training clip, and one validation clip.

        Raises:
            ValueError: when the model cannot; it names the fix, or what the clip was.
        """
        loaders = [('train_dataloader', runner.train_dataloader)]
        if runner.val_loop is not None:
            loaders.append(('val_dataloader', runner.val_dataloader))
        training = runner.model.training
        runner.model.eval()
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        for key, loader in loaders:
            with preserve_rng_state(devices=devices):
                batch = loader.collate_fn([loader.dataset[0]])
                _score(runner.model, batch, key)
        runner.model.train(training)


def _score(model: Any, batch: dict, key: str) -> None:
    shapes = ', '.join(str(tuple(clip.shape)) for clip in batch['inputs'])
    try:
        with torch.no_grad():
            model.val_step(batch)
    except torch.OutOfMemoryError:
        raise
    except (
        RuntimeError,
        ValueError,
        TypeError,
        AttributeError,
        AssertionError,
        IndexError,
    ) as error:
        found = ' '.join(str(error).split())[:600]
        raise ValueError(
            f'a clip of {key}, of the shape {shapes}, does not pass through the model: {found}'
            + ('' if isinstance(error, ValueError) else _ADVICE)
        ) from error


_ADVICE = (
    '; see that format_shape in the pipeline fits the recognizer (NCHW for images, NCTHW for '
    'videos), that video backbones are in Recognizer3D and image backbones in FrameRecognizer, and '
    'that in_channels of neck and cls_head are what stands before them gives'
)
