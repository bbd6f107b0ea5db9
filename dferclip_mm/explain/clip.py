"""A clip as a model sees it, and the model's answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmaction.models.recognizers import Recognizer2D
from mmcv.transforms import Compose

from ..models.backbones import CLIPVisualEncoder
from ..models.recognizers import FrameRecognizer


class UndefinedError(ValueError):
    """An explanation is not defined for a model; the message says why."""


class Clip(NamedTuple):
    """What a model sees of a clip: one view.

    `inputs` are uint8 (T, 3, H, W); `numbers` (T,) say which frames of the file they are, from 0
    (some samplers repeat frames); the `name` is for messages and titles.
    """

    name: str
    inputs: torch.Tensor
    numbers: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """The same pixels for people, RGB (T, H, W, 3)."""
        return self.inputs.permute(0, 2, 3, 1).numpy()

    def spread(self, values: torch.Tensor) -> np.ndarray:
        """A value for each frame, (T, …), from fewer, (n, …): video backbones join frames."""
        times = np.arange(len(self.numbers)) * len(values) // len(self.numbers)
        return values.detach().float().cpu().numpy()[times]


def read_clip(cfg: Any, model: Any, video: str | Path | np.ndarray) -> Clip:
    """Read a video, a frame folder, or frames (T, H, W, 3), uint8 RGB, by a config's test pipeline.

    Of several views the first is taken.

    Raises:
        ValueError, OSError: when it cannot be read, or has fewer frames than the model takes.
    """
    given = isinstance(video, np.ndarray)
    name = 'the clip' if given else str(video)
    source = dict(array=video) if given else dict(filename=name)
    pipeline = cfg.test_dataloader.dataset.pipeline
    steps = Compose([step for step in pipeline if step['type'] != 'PackActionInputs'])
    results = steps(dict(**source, start_index=0, label=-1, modality='RGB'))
    if 'imgs' not in results:
        raise ValueError('the test pipeline gives no pixels: name the config that reads them')
    inputs = torch.from_numpy(np.ascontiguousarray(results['imgs']))
    if inputs.ndim == 5:
        inputs = inputs[0].transpose(0, 1)
    view = getattr(model, 'num_frames', None) or getattr(model.cls_head, 'num_segments', None)
    inputs = inputs[:view]
    if results['total_frames'] < len(inputs):
        raise ValueError(
            f'{name} has {results["total_frames"]} frames, and the model takes {len(inputs)}: the '
            'rest would be copies, which explain nothing; give a longer clip'
        )
    return Clip(name, inputs, np.asarray(results['frame_inds'])[: len(inputs)])


def find_class(model: Any, name: str | None = None) -> int | None:
    """The number of a class of the model; None for no name.

    Raises:
        ValueError: when it has no such class, or its head does not compare with texts.
    """
    classes = getattr(model.cls_head, 'classes', None)
    if not classes:
        raise ValueError(
            f'{type(model.cls_head).__name__} has no text for each class: explanations need a head '
            'such as TextPromptHead'
        )
    if name is not None and name not in classes:
        raise ValueError(f'expected a class of the model ({", ".join(classes)}), found {name!r}')
    return None if name is None else classes.index(name)


def encode_clips(model: Any, clips: torch.Tensor) -> torch.Tensor:
    """Clip features (B, D), as the head compares them with its texts.

    The clips are uint8 (B, T, 3, H, W), or features of their frames (B, T, D).
    """
    if clips.ndim == 5:
        inputs = clips if isinstance(model, Recognizer2D) else clips.transpose(1, 2)[:, None]
        data = dict(inputs=[*inputs], data_samples=[None] * len(inputs))
        # Gradients shall reach every layer, also where no weight is trained.
        clips = model.data_preprocessor(data, training=False)['inputs'].requires_grad_()
    found = model.extract_feat(clips, test_mode=True)
    # RecognizerOmni returns the features alone.
    paired = isinstance(found, tuple) and isinstance(found[-1], dict)
    features, info = found if paired else (found, {})
    return model.cls_head.encode_clips(features, info.get('num_segs'))


def class_logits(model: Any, clips: torch.Tensor) -> torch.Tensor:
    """Logits (B, C) of clips as in `encode_clips`, with a gradient where it is enabled."""
    return model.cls_head.score(encode_clips(model, clips))


@torch.no_grad()
def score_selections(model: Any, clip: Clip, selections: np.ndarray) -> torch.Tensor:
    """Logits (S, C) of a clip of T frames with others of its frames: positions (S, T)."""
    frames = clip.inputs
    if isinstance(model, FrameRecognizer) and isinstance(model.backbone, CLIPVisualEncoder):
        # It encodes frames one by one: each once.
        data = dict(inputs=[frames], data_samples=[None])
        frames = model.backbone(model.data_preprocessor(data)['inputs'][0])
    return torch.cat([class_logits(model, frames[row][None]) for row in selections])


def probabilities(model: Any, logits: torch.Tensor) -> np.ndarray:
    """The probability of each class, (S, C), from logits, as the head predicts it."""
    return model.cls_head.adjust_logits(logits).softmax(dim=-1).cpu().numpy()


def predict(model: Any, clip: Clip) -> np.ndarray:
    """The probability of each class, (C,)."""
    return probabilities(model, score_selections(model, clip, np.arange(len(clip.numbers))[None]))[
        0
    ]
