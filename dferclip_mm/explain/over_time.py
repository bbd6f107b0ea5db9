"""Which frames of a clip decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..models.necks import TemporalTransformer
from .attention import record_attention, rollout
from .clip import Clip, UndefinedError, class_logits, probabilities, score_selections


@torch.no_grad()
def frame_attention(model: Any, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The attention of the temporal Transformer's class token to each of T frames.

    That is the weights of all layers and heads, (layers, heads, T), which lack the class token's
    own share to 1, and their rollout, (T,), of any scale. Frames that a video backbone joins have
    the same. Raises UndefinedError when there is no such token, or but one feature of a clip.
    """
    neck: Any = getattr(model, 'neck', None)
    if not isinstance(neck, TemporalTransformer) or neck.pool != 'cls':
        found = (
            f'{type(neck).__name__}, pool={getattr(neck, "pool", None)!r}' if neck else 'no neck'
        )
        raise UndefinedError(
            'attention over time is that of a TemporalTransformer that is read at its class token, '
            f'and the model has {found}'
        )
    blocks: Any = neck.blocks
    with record_attention([block.attn for block in blocks]) as weights:
        class_logits(model, clip.inputs[None])
    if weights[0].shape[-1] == 2 < len(clip.numbers):
        raise UndefinedError(
            f'{type(model.backbone).__name__} gives one feature for all frames: attention over '
            'time has no choice'
        )
    rows = torch.stack([each[0, :, 0, 1:] for each in weights])
    arrived = rollout([each.mean(dim=1) for each in weights])[0, 0, 1:]
    return np.moveaxis(clip.spread(rows.movedim(-1, 0)), 0, -1), clip.spread(arrived)


def frame_similarity(model: Any, clip: Clip) -> np.ndarray:
    """The similarity of each frame to each class's text: cosines (T, C), less negative prompts'.

    A frame's feature is that of a clip in which the frame stands still: so it is in the space of
    the texts for every model, also where features of single frames are not.
    """
    frames = len(clip.numbers)
    still = np.repeat(np.arange(frames)[:, None], frames, axis=1)
    return score_selections(model, clip, still).cpu().numpy() / float(model.cls_head.scale())


def leave_one_out(model: Any, clip: Clip) -> np.ndarray:
    """What each frame adds to the probability of each class: (T, C).

    That is the probability with the clip, less that without the frame, in whose place (and that of
    its copies, where the sampler repeats frames) the nearest other frame stands. Raises
    UndefinedError when the model sees only one frame.
    """
    everywhere = np.arange(len(clip.numbers))
    rows = [everywhere]
    for number in clip.numbers:
        others = np.flatnonzero(clip.numbers != number)
        if not len(others):
            raise UndefinedError(f'{clip.name}: the model sees one frame, so none can be left out')
        nearest = others[np.abs(everywhere[:, None] - others).argmin(axis=1)]
        rows.append(np.where(clip.numbers == number, nearest, everywhere))
    scores = probabilities(model, score_selections(model, clip, np.stack(rows)))
    return scores[0] - scores[1:]
