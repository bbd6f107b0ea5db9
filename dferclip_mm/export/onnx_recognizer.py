"""An exported file in the place of a recognizer, without PyTorch's weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from .onnx_file import INPUT, OUTPUT, open_session

# A file is data: it may name these steps, and not any class.
_STEPS = {
    *('ClipInit', 'SampleSegments', 'SampleWindow', 'ClipDecode', 'ClipResize', 'Resize'),
    *('ClipResizeShortEdge', 'CenterCrop', 'PackActionInputs'),
}


class OnnxRecognizer:
    """A file of ``tools/export_model.py`` that answers as the recognizer which it was.

    It has ``metadata``, what the file says of itself (see `describe_model`), a ``cfg`` with its
    test pipeline, and a ``cls_head`` with its ``classes``. Raises ValueError when there is no such
    file, it is another one, or ONNX Runtime is missing.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            self._session = open_session(path)
            held = self._session.get_modelmeta().custom_metadata_map
            # Those with a dot are ONNX Runtime's own.
            self.metadata = {key: json.loads(text) for key, text in held.items() if '.' not in key}
            self.cls_head = SimpleNamespace(classes=tuple(self.metadata['classes']))
            # The file takes frames as they are decoded.
            steps = [each for each in self.metadata['pipeline'] if each['type'] != 'FormatShape']
            if others := {step['type'] for step in steps} - _STEPS:
                raise ValueError(f'steps of the pipeline that are not read: {", ".join(others)}')
        except Exception as error:  # ONNX Runtime raises types of its own
            raise ValueError(
                f'{path} cannot be read: expected ONNX Runtime and a file of '
                f'tools/export_model.py, found: {str(error).splitlines()[0]:.200}'
            ) from error
        init_default_scope('mmaction')
        self.cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps))))

    def to(self, device: str) -> OnnxRecognizer:
        """Stay on the CPU."""
        return self

    def data_preprocessor(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Stack clips (T, H, W, 3); the file normalises them itself."""
        return dict(data, inputs=torch.from_numpy(np.stack([*map(np.stack, data['inputs'])])))

    def predict(self, inputs: torch.Tensor, data_samples: Sequence[Any]) -> Sequence[Any]:
        """Set the ``pred_score`` (C,) of each sample, its probabilities."""
        scores = self._session.run([OUTPUT], {INPUT: inputs.numpy()})[0]
        for sample, each in zip(data_samples, torch.from_numpy(scores), strict=True):
            sample.set_pred_score(each)
        return data_samples
