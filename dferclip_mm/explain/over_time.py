"""Which frames of a clip decide."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..models.necks import TemporalTransformer
from .attention import attention_rollout, record_attention
from .clip import Clip, UndefinedError, class_logits, preprocess, probabilities, score_selections


@torch.no_grad()
def frame_attention(model: Any, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """The attention of the temporal Transformer's class token to each of T frames.

    Returns:
        The weights of all layers and heads, (layers, heads, T), and their rollout, (T,); what a
        row lacks to 1 is the class token's own share. A video backbone joins frames: theirs is
        the same.

    Raises:
        UndefinedError: when the model has no such Transformer, or does not read its class token.
    """
    neck: Any = getattr(model, 'neck', None)
    if not isinstance(neck, TemporalTransformer) or neck.pool != 'cls':
        found = 'no neck' if neck is None else type(neck).__name__
        raise UndefinedError(
            'attention over time is that of a TemporalTransformer that is read at its class token, '
            f'and the model has {found}{f", pool={neck.pool!r}" if hasattr(neck, "pool") else ""}'
        )
    blocks: Any = neck.blocks
    with record_attention([block.attn for block in blocks]) as weights:
        class_logits(model, preprocess(model, [clip.inputs]))
    if weights[0].shape[-1] == 2 < len(clip.numbers):
        raise UndefinedError(
            f'{type(model.backbone).__name__} gives one feature for all frames: attention over '
            'time has no choice'
        )
    rows = torch.stack([each[0, :, 0, 1:] for each in weights]).cpu().numpy()
    rollout = attention_rollout(weights)[0, 0, 1:].cpu().numpy()
    times = np.arange(len(clip.numbers)) * len(rollout) // len(clip.numbers)
    return rows[..., times], rollout[times]


def frame_similarity(model: Any, clip: Clip) -> np.ndarray:
    """The similarity of each frame to each class's text: cosines (T, C), less negative prompts'.

    A frame's feature is that of a clip in which the frame stands still: so it is in the space of
    the texts for every model, also where features of single frames are not.
    """
    frames = len(clip.numbers)
    still = np.repeat(np.arange(frames)[:, None], frames, axis=1)
    return score_selections(model, clip, still) / float(model.cls_head.scale())


def leave_one_out(model: Any, clip: Clip) -> np.ndarray:
    """What each frame adds to the probability of each class: (T, C).

    That is the probability with the clip, less that without the frame, in whose place (and that of
    its copies, where the sampler repeats frames) the nearest other frame stands.

    Raises:
        ValueError: when the model sees only one frame.
    """
    everywhere = np.arange(len(clip.numbers))
    rows = [everywhere]
    for number in clip.numbers:
        others = np.flatnonzero(clip.numbers != number)
        if not len(others):
            raise ValueError(f'{clip.name}: the model sees one frame, so none can be left out')
        nearest = others[np.abs(everywhere[:, None] - others).argmin(axis=1)]
        rows.append(np.where(clip.numbers == number, nearest, everywhere))
    scores = probabilities(model, score_selections(model, clip, np.stack(rows)))
    return scores[0] - scores[1:]
