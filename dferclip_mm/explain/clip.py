"""A clip as a model sees it, and the model's answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmcv.transforms import Compose

from ..models.backbones import CLIPVisualEncoder
from ..models.recognizers import FrameRecognizer

# Variants of a clip that are scored at a time.
_BATCH = 8


class UndefinedError(ValueError):
    """An explanation is not defined for a model; the message says why."""


class Clip(NamedTuple):
    """What a model sees of a clip: one view.

    Args:
        name: for messages and titles.
        inputs: uint8, as the recognizer takes it: (T, 3, H, W), or (1, 3, T, H, W) for videos.
        numbers: (T,), which frames of the file they are, from 0; some samplers repeat frames.
    """

    name: str
    inputs: torch.Tensor
    numbers: np.ndarray

    @property
    def frames(self) -> np.ndarray:
        """The same pixels for people, uint8 RGB (T, H, W, 3)."""
        is_video = self.inputs.ndim == 5
        order = (1, 2, 3, 0) if is_video else (0, 2, 3, 1)
        return (self.inputs[0] if is_video else self.inputs).permute(order).numpy()


def read_clip(cfg: Any, model: Any, video: str | Path | np.ndarray) -> Clip:
    """Read a clip through a config's test pipeline; of several views the first.

    Args:
        cfg: of the model.
        model: built from it.
        video: a video, a frame folder, or frames (T, H, W, 3), uint8 RGB.

    Raises:
        ValueError, OSError: when it cannot be read, has fewer frames than the model takes, or the
            model does not compare with texts.
    """
    find_class(model)
    pipeline = cfg.test_dataloader.dataset.pipeline
    steps = [step for step in pipeline if step['type'] != 'PackActionInputs']
    given = isinstance(video, np.ndarray)
    name = 'the clip' if given else str(video)
    source = dict(array=video) if given else dict(filename=name)
    results = Compose(steps)(dict(**source, start_index=0, label=-1, modality='RGB'))
    if 'imgs' not in results:
        raise ValueError('the test pipeline gives no pixels: name the config that reads them')
    inputs = torch.from_numpy(np.ascontiguousarray(results['imgs']))
    view = getattr(model, 'num_frames', None) or getattr(model.cls_head, 'num_segments', None)
    inputs = inputs[:view] if inputs.ndim == 4 else inputs[:1]
    frames = inputs.shape[0 if inputs.ndim == 4 else 2]
    total = results['total_frames']
    if total < frames:
        raise ValueError(
            f'{name} has {total} frames, and the model takes {frames}: the rest would be copies, '
            'which explain nothing; give a longer clip'
        )
    return Clip(name, inputs, np.asarray(results['frame_inds'])[:frames])


def find_class(model: Any, name: str | None = None) -> int | None:
    """The number of a class of the model's head; None for no name.

    Raises:
        ValueError: when the head has no such class, or does not compare with texts.
    """
    classes = getattr(model.cls_head, 'classes', None)
    if not classes:
        raise ValueError(
            f'{type(model.cls_head).__name__} has no text for each class: explanations need a head '
            'such as TextPromptHead'
        )
    if name is None:
        return None
    if name not in classes:
        raise ValueError(f'expected a class of the model ({", ".join(classes)}), found {name!r}')
    return classes.index(name)


def preprocess(model: Any, batch: list[torch.Tensor]) -> torch.Tensor:
    """Inputs of clips as the model's preprocessor gives them to its recognizer."""
    data = dict(inputs=batch, data_samples=[None] * len(batch))
    return model.data_preprocessor(data, training=False)['inputs']


def extract_features(model: Any, inputs: torch.Tensor) -> tuple[Any, dict]:
    """What a recognizer passes to its head, and the keyword arguments with it."""
    found = model.extract_feat(inputs, test_mode=True)
    # RecognizerOmni returns no second value.
    paired = isinstance(found, tuple) and isinstance(found[-1], dict)
    return found if paired else (found, {})


def class_logits(model: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Logits (B, C) of preprocessed clips, with a gradient where it is enabled."""
    features, info = extract_features(model, inputs)
    return model.cls_head(features, **info).float()


@torch.no_grad()
def score_selections(model: Any, clip: Clip, selections: np.ndarray) -> np.ndarray:
    """Logits (S, C) of a clip of T frames with others of its frames: positions (S, T)."""
    if isinstance(model, FrameRecognizer) and isinstance(model.backbone, CLIPVisualEncoder):
        # It encodes frames one by one: each once.
        inputs = preprocess(model, [clip.inputs])
        features, _ = model.extract_feat(inputs, stage='backbone', test_mode=True)
        return class_logits(model, features[torch.from_numpy(selections)]).cpu().numpy()
    is_video = clip.inputs.ndim == 5
    chosen = [clip.inputs[:, :, row] if is_video else clip.inputs[row] for row in selections]
    # MMAction2 takes clips one by one with this setting.
    size = 1 if (getattr(model, 'test_cfg', None) or {}).get('max_testing_views') else _BATCH
    parts = [chosen[start : start + size] for start in range(0, len(chosen), size)]
    found = [class_logits(model, preprocess(model, part)) for part in parts]
    return torch.cat(found).cpu().numpy()


def probabilities(model: Any, logits: np.ndarray) -> np.ndarray:
    """The probability of each class, (S, C), from logits, as the head predicts it."""
    return model.cls_head.adjust_logits(torch.from_numpy(logits)).softmax(dim=-1).numpy()


def predict(model: Any, clip: Clip) -> np.ndarray:
    """The probability of each class, (C,)."""
    logits = score_selections(model, clip, np.arange(len(clip.numbers))[None])
    return probabilities(model, logits)[0]
