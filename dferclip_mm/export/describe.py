"""What an exported file says of itself: its classes, its frames, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config

from ..engine.lookup import dataset_configs


def describe_model(cfg: Config, model: Any) -> dict[str, Any]:
    """The metadata of a file.

    Args:
        cfg: whose test pipeline says what the model sees of a clip.
        model: built from it.

    Returns:
        ``classes``, in the order of the probabilities; ``num_frames`` T and ``size`` (H, W) of a
        clip; ``sampling`` and ``pixels``, the pipeline's steps that choose the frames and that
        change their pixels; ``mean`` and ``std``, which the file holds already; ``temperature``,
        which it holds, too.

    Raises:
        ValueError: when the head has no classes, or the pipeline does not decode frames.
    """
    classes = getattr(model.cls_head, 'classes', None)
    if not classes:
        raise ValueError(
            f'expected a head with classes, found {type(model.cls_head).__name__} without: set '
            'model.cls_head.classes, or export a model that scores classes'
        )
    settings = dataset_configs(cfg, ('test',))
    pipeline = settings[0].get('pipeline', ()) if settings else ()
    names = [str(step['type']) for step in pipeline]
    decodes = [index for index, name in enumerate(names) if 'Decode' in name]
    shapes = [index for index, name in enumerate(names) if name == 'FormatShape']
    if not decodes or not shapes:
        raise ValueError(
            'expected a test pipeline that decodes frames and ends in FormatShape and '
            f'PackActionInputs, found {", ".join(names) or "none"}'
        )
    sampling = [dict(step) for step in pipeline[: decodes[0]] if 'Init' not in step['type']]
    pixels = [dict(step) for step in pipeline[decodes[0] + 1 : shapes[0]]]
    frames, height, width = _shape_of_clip(sampling, [*pixels, pipeline[shapes[0]]])
    given = model.data_preprocessor
    normalisation = {
        name: getattr(given, name).flatten().tolist() if hasattr(given, name) else default
        for name, default in (('mean', [0.0] * 3), ('std', [1.0] * 3))
    }
    return dict(
        classes=list(classes),
        num_frames=getattr(model, 'num_frames', None)
        or getattr(model.cls_head, 'num_segments', None)
        or frames,
        size=[height, width],
        sampling=sampling,
        pixels=pixels,
        **normalisation,
        temperature=getattr(model.cls_head, 'temperature', 1.0),
    )


def _shape_of_clip(
    sampling: Sequence[Mapping[str, Any]], pixels: Sequence[Mapping[str, Any]]
) -> tuple[int, int, int]:
    """Frames, height and width of a view, from a run of the pipeline on black frames."""
    side = 512
    results: dict[str, Any] = dict(total_frames=1000, start_index=0, modality='RGB', label=-1)
    results = Compose([*sampling])(results)
    count = np.size(results['frame_inds'])
    sizes = dict.fromkeys(('img_shape', 'original_shape'), (side, side))
    imgs = list(np.zeros((count, side, side, 3), np.uint8))
    shape = Compose([*pixels])(dict(results, imgs=imgs, **sizes))['imgs'].shape
    # (frames, 3, H, W) of images, (views, 3, T, H, W) of videos.
    return shape[2] if len(shape) == 5 else shape[0], *shape[-2:]
