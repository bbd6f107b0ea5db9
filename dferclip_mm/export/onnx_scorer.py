"""An exported file as a scorer of faces, without PyTorch's weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope

from .onnx_file import INPUT, OUTPUT

# A file is data: it may name these steps, and not any class.
_STEPS = {'ClipResize', 'ClipResizeShortEdge', 'CenterCrop', 'Resize'}


class OnnxScorer:
    """A file of ``tools/export_model.py``.

    Attributes:
        classes: in the order of the probabilities.
        num_frames: of a clip.
        metadata: what the file says of itself, see `describe_model`.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError, ValueError: when there is none, it is another one, or ONNX Runtime is
            missing.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            from onnxruntime import InferenceSession
        except ImportError as error:
            raise ValueError(f'{path} needs ONNX Runtime: run `pip install onnxruntime`') from error
        if not Path(path).is_file():
            raise FileNotFoundError(f'no model at {path}: write it with tools/export_model.py')
        try:
            self._session = InferenceSession(path, providers=['CPUExecutionProvider'])
            stored = self._session.get_modelmeta().custom_metadata_map
            # Those with a dot are ONNX Runtime's own.
            self.metadata: dict[str, Any] = {
                key: json.loads(text) for key, text in stored.items() if '.' not in key
            }
            self.classes = tuple(self.metadata['classes'])
            self.num_frames = int(self.metadata['num_frames'])
            steps = self.metadata['pixels']
        except Exception as error:  # ONNX Runtime raises types of its own
            raise ValueError(
                f'{path} is no file of tools/export_model.py ({str(error).splitlines()[0]:.200})'
            ) from error
        others = {step['type'] for step in steps} - _STEPS
        if others:
            raise ValueError(
                f'{path}: expected steps among {", ".join(sorted(_STEPS))} for the pixels, found '
                f'{", ".join(sorted(others))}: analyse with CONFIG and CHECKPOINT'
            )
        init_default_scope('mmaction')
        self._pixels = Compose(steps)

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """What the model sees of crops (N, H, W, 3): (N, h, w, 3), uint8."""
        sizes = dict.fromkeys(('img_shape', 'original_shape'), crops.shape[1:3])
        results = self._pixels(dict(imgs=list(crops), clip_len=len(crops), num_clips=1, **sizes))
        return np.stack(results['imgs'])

    def score(self, clips: np.ndarray) -> np.ndarray:
        """Probabilities (B, C) of clips (B, T, h, w, 3)."""
        return self._session.run([OUTPUT], {INPUT: clips})[0]
