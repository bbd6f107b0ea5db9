"""What an exported file says of itself: its classes, its frames, and how they are made."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config


def describe_model(cfg: Config, model: Any) -> dict[str, Any]:
    """The metadata of a file.

    Args:
        cfg: whose test pipeline says what the model sees of a clip.
        model: built from it.

    Returns:
        ``classes``, in the order of the probabilities; ``num_frames`` T and ``size`` (H, W) of a
        clip; ``pipeline``, the steps of the test pipeline; ``temperature``, which the file holds
        already, as it holds mean and standard deviation.

    Raises:
        ValueError: when the head has no classes, or the pipeline does not decode frames.
    """
    head = model.cls_head
    pipeline = [dict(step) for step in cfg.test_dataloader.dataset.pipeline]
    names = [step['type'] for step in pipeline]
    if not getattr(head, 'classes', None) or 'FormatShape' not in names:
        raise ValueError(
            'expected a head with classes (model.cls_head.classes) and a test pipeline that '
            f'decodes frames, found {type(head).__name__} and {", ".join(names)}'
        )
    # As MMAction2 reads arrays: one clip, to see the shape that the pipeline gives it.
    steps = [
        dict(type='ArrayDecode') if 'Decode' in step['type'] else step
        for step in pipeline
        if 'Init' not in step['type']
    ]
    clip = dict(array=np.zeros((256, 256, 256, 3), np.uint8), total_frames=256, start_index=0)
    shape = Compose(steps)(dict(clip, modality='RGB', label=-1))['inputs'].shape
    # (frames, 3, H, W) of images, (views, 3, T, H, W) of videos.
    frames = shape[2] if len(shape) == 5 else getattr(head, 'num_segments', None) or shape[0]
    return dict(
        classes=list(head.classes),
        num_frames=getattr(model, 'num_frames', None) or frames,
        size=list(shape[-2:]),
        pipeline=pipeline,
        temperature=getattr(head, 'temperature', 1.0),
    )
