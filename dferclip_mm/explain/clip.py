"""A clip as a model sees it, and the model's answers for it, and for others of its frames."""

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
    """One view of a clip: uint8 (T, 3, H, W), and the places (T,) in the file, which may repeat."""

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


def read_clip(
    cfg: Any, model: Any, video: str | Path | np.ndarray, *, evaluated: bool = False
) -> Clip:
    """Read a video, a frame folder, or frames (T, H, W, 3), uint8 RGB, by a config's test pipeline.

    The first view is taken. Face crops are not called for where the clip lies in ``data_root``, or
    was ``evaluated``. Raises ValueError or OSError for no clip, or one that is too short.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset', {})
    pipeline = [step for step in dataset.get('pipeline', ()) if step['type'] != 'PackActionInputs']
    if not any(step['type'].endswith('FormatShape') for step in pipeline):
        raise ValueError('no test pipeline gives pixels: name the config that reads and tests them')
    if isinstance(video, np.ndarray):
        name, source = 'the clip', dict(array=video, total_frames=len(video))
        pipeline = [
            dict(type='ArrayDecode') if 'Decode' in step['type'] else step
            for step in pipeline
            if 'Init' not in step['type']
        ]
    else:
        name, source = str(video), dict(filename=str(video))
        root = dataset.get('data_root')
        if evaluated or (root and Path(name).resolve().is_relative_to(Path(root).resolve())):
            # ClipInit calls for face crops where it is not given.
            source['sample_idx'] = 0
    results = Compose(pipeline)(dict(source, start_index=0, label=-1, modality='RGB'))
    inputs = torch.from_numpy(np.ascontiguousarray(results['imgs']))
    inputs = inputs[0].transpose(0, 1) if inputs.ndim == 5 else inputs
    view = getattr(model, 'num_frames', None) or getattr(model.cls_head, 'num_segments', None)
    inputs = inputs[:view]
    if results['total_frames'] < len(inputs):
        raise ValueError(
            f'{name} has {results["total_frames"]} frames, and the model takes {len(inputs)}: '
            'copies would explain nothing; give a longer clip'
        )
    return Clip(name, inputs, np.asarray(results['frame_inds'])[: len(inputs)])


def encode_clips(model: Any, clips: torch.Tensor) -> torch.Tensor:
    """Clip features (B, D) for the head, of pixels (B, T, 3, H, W) or features (B, T, D)."""
    if clips.ndim == 5:
        inputs = clips if isinstance(model, Recognizer2D) else clips.transpose(1, 2)[:, None]
        data = dict(inputs=[*inputs], data_samples=[None] * len(inputs))
        # Gradients shall reach every layer, also where no weight is trained.
        clips = model.data_preprocessor(data, training=False)['inputs'].requires_grad_()
    found = model.extract_feat(clips, test_mode=True)
    # RecognizerOmni returns no second value.
    paired = isinstance(found, tuple) and isinstance(found[-1], dict)
    features, info = found if paired else (found, {})
    return model.cls_head.encode_clips(features, info.get('num_segs'))


def class_logits(model: Any, clips: torch.Tensor) -> torch.Tensor:
    """Logits (B, C), with a gradient where it is enabled; see `encode_clips`."""
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


@torch.no_grad()
def predict(model: Any, clip: Clip) -> np.ndarray:
    """The probability of each class, (C,)."""
    return probabilities(model, class_logits(model, clip.inputs[None]))[0]


def frame_similarity(model: Any, clip: Clip) -> np.ndarray:
    """The similarity of each frame to each class's text: cosines (T, C), less negative prompts'.

    A frame's feature is that of a clip in which it stands still, in the space of the texts.
    """
    still, _ = np.indices((len(clip.numbers), len(clip.numbers)))
    return score_selections(model, clip, still).cpu().numpy() / float(model.cls_head.scale())


def leave_one_out(model: Any, clip: Clip) -> np.ndarray:
    """What each frame adds to the probability of each class, (T, C): with the clip, less without.

    In the place of the frame, and of its copies where the sampler repeats frames, stands the
    nearest other one. Raises UndefinedError when the model sees only one frame.
    """
    if len({*clip.numbers}) == 1:
        raise UndefinedError(f'{clip.name}: the model sees one frame, so none can be left out')
    whole = np.arange(len(clip.numbers))
    far = np.abs(whole[:, None] - whole)
    nearest = [np.where(clip.numbers == left, np.inf, far).argmin(1) for left in clip.numbers]
    scores = probabilities(model, score_selections(model, clip, np.stack([whole, *nearest])))
    return scores[0] - scores[1:]
