"""A trained model as an ONNX file: frames to class probabilities, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from traceback import format_exception
from typing import Any

import numpy as np
import torch
from einops import rearrange
from mmaction.models.recognizers import Recognizer2D
from torch import nn
from torch.export import Dim

from ..explain import read_clip
from ..files import atomic_write
from ..models.clip.lora import merge_lora
from ..models.recognizers.frame_recognizer import takes_any_length

# What ONNX Runtime's probabilities may differ from PyTorch's.
TOLERANCE = 1e-4
INPUT, OUTPUT = 'frames', 'probabilities'


class Probabilities(nn.Module):
    """What is exported: uint8 RGB frames (B, T, H, W, 3) to probabilities (B, C).

    It normalises as the recognizer's preprocessor does, and has no other stage to choose.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Score clips of one view each."""
        given, of_images = self.model.data_preprocessor, isinstance(self.model, Recognizer2D)
        x = frames.flip(-1) if getattr(given, 'to_rgb', False) else frames
        x = rearrange(x, 'b t h w c -> b t c h w' if of_images else 'b t h w c -> b 1 c t h w')
        x = (x - getattr(given, 'mean', 0)) / getattr(given, 'std', 1)
        found = self.model.extract_feat(x.contiguous(), stage='head')
        # MMAction2's RecognizerOmni returns the logits alone.
        logits = found[0] if isinstance(found, tuple) else found
        # As in prediction: prior and temperature, of heads that have them.
        adjust = getattr(self.model.cls_head, 'adjust_logits', lambda same: same)
        return adjust(logits).float().softmax(dim=-1)


def describe_model(cfg: Any, model: Any) -> dict[str, Any]:
    """What a file says of itself, of a model and the config that it was built from.

    docs/export.md tells its keys; ``size`` is (H, W). Raises ValueError when the head has no
    classes, or the test pipeline gives no pixels.
    """
    head = model.cls_head
    if not getattr(head, 'classes', None):
        raise ValueError(f'expected a head with classes, found {type(head).__name__}')
    frames, _, *size = read_clip(cfg, model, np.zeros((256, 256, 256, 3), np.uint8)).inputs.shape
    return dict(
        classes=list(head.classes),
        num_frames=frames,
        size=size,
        pipeline=[dict(step) for step in cfg.test_dataloader.dataset.pipeline],
        temperature=getattr(head, 'temperature', 1.0),
    )


def write_onnx(
    model: Any,
    path: str | Path,
    shape: Sequence[int],
    *,
    metadata: Mapping[str, Any] | None = None,
    int8: bool = False,
) -> float:
    """Export a recognizer, compare the file with it, and only then put it in place.

    Updates of LoRA become part of the weights, of the given model too. The text tower is not in
    the file: its features of the prompts are. Batches have any size, and clips (T, H, W) of a
    `FrameRecognizer` any length that its neck takes. `metadata` is stored in the file as JSON.
    `int8` quantises the weights of linear layers to 8 bits, and the activations as they come.

    Returns the largest difference of a probability from PyTorch's, on random frames. Raises
    ValueError when a package or an operator is missing, or the file answers otherwise.
    """
    missing = [name for name in ('onnx', 'onnxscript', 'onnxruntime') if not find_spec(name)]
    if missing:
        raise ValueError(f'the export needs {", ".join(missing)}: install dferclip_mm[export]')
    scorer = Probabilities(merge_lora(model)).eval()
    lengths, dims = [shape[0]], {0: Dim('clips')}
    if takes_any_length(model) and shape[0] > 1:
        # One view.
        model.num_frames = None
        dims[1] = Dim('length', max=getattr(getattr(model, 'neck', None), 'max_frames', None))
        lengths.append(shape[0] // 2)
    batches = [_random_clips(count, (t, *shape[1:])) for t in lengths for count in (2, 1, 3)]
    with torch.no_grad():
        # The first answer is without the export: heads keep the features of their texts.
        expected = np.concatenate([scorer(batch).numpy() for batch in batches])
        program = _export(scorer, batches[0], dims)
    about = {key: json.dumps(value) for key, value in (metadata or {}).items()}
    program.model.metadata_props.update(about)
    difference = np.inf

    def write(target: Path) -> None:
        nonlocal difference
        program.save(target)
        found = _run(target, batches)
        difference = float(abs(found - expected).max())
        # Where one class has it all, only the ratios of the others can tell.
        if difference > TOLERANCE or not np.allclose(found, expected, 100 * TOLERANCE, 1e-20):
            raise ValueError(
                f'{path}: expected the probabilities of PyTorch to {TOLERANCE:g}, found '
                f'differences up to {difference:.1e}, or small ones that are more than 1 % off, in '
                'ONNX Runtime; nothing is written'
            )
        if int8:
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(target, target, ['MatMul', 'Gemm'], per_channel=True)
            difference = float(abs(_run(target, batches) - expected).max())

    atomic_write(path, write)
    return difference


def _random_clips(count: int, shape: Sequence[int]) -> torch.Tensor:
    """Smooth frames, of which each clip has other ones: noise alone looks alike to a model."""
    generator = torch.Generator().manual_seed(count)
    coarse = torch.rand(count, 3, shape[0], 4, 4, generator=generator)
    clips = nn.functional.interpolate(coarse, tuple(shape), mode='trilinear') * 255
    return clips.permute(0, 2, 3, 4, 1).contiguous().byte()


def _export(scorer: nn.Module, example: torch.Tensor, dims: Mapping[int, Any]) -> Any:
    try:
        return torch.onnx.export(
            scorer,
            (example,),
            dynamo=True,
            dynamic_shapes=(dims,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            external_data=False,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        told = re.findall(r'target=torch\.ops\.(\w+\.\w+)', ''.join(format_exception(error)))[:1]
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        told.append(str(cause).splitlines()[0])
        raise ValueError(
            f'this model cannot be exported to ONNX ({": ".join(told)}): replace the part that is '
            'named, or run the model in PyTorch'
        ) from error


def open_session(path: str | Path, threads: int = 0) -> Any:
    """ONNX Runtime on a file; 0 threads: one for each core. They sleep where they wait."""
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    # Spinning threads take the cores of whatever runs beside them.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return InferenceSession(path, options, providers=['CPUExecutionProvider'])


def _run(path: Path, batches: Sequence[torch.Tensor]) -> np.ndarray:
    """A file's probabilities."""
    session = open_session(path)
    return np.concatenate([session.run([OUTPUT], {INPUT: each.numpy()})[0] for each in batches])
