"""A trained model as an ONNX file: frames to class probabilities, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from mmaction.models.recognizers import Recognizer2D
from torch import nn
from torch.export import Dim

from ..files import atomic_write
from ..models.clip.lora import merge_lora
from ..models.recognizers.frame_recognizer import takes_any_length

# What ONNX Runtime's probabilities may differ from PyTorch's.
TOLERANCE = 1e-4
INPUT, OUTPUT = 'frames', 'probabilities'
# Smaller probabilities are equal.
_LEAST = 1e-20


class Probabilities(nn.Module):
    """What is exported: uint8 RGB frames (B, T, H, W, 3) to probabilities (B, C).

    It holds the recognizer's normalisation and reads its head, so the file has no stage to choose.

    Args:
        model: a recognizer of MMAction2 in evaluation mode.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        given = model.data_preprocessor
        self.to_rgb = getattr(given, 'to_rgb', False)
        for name, default in (('mean', torch.zeros(3)), ('std', torch.ones(3))):
            self.register_buffer(name, getattr(given, name, default).detach().flatten())
        of_images = isinstance(model, Recognizer2D)
        self.axes = f'b t h w c -> {"b t c h w" if of_images else "b 1 c t h w"}'

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Score clips of one view each."""
        x = frames.flip(-1) if self.to_rgb else frames
        x = rearrange((x.float() - self.mean) / self.std, self.axes)
        found = self.model.extract_feat(x.contiguous(), stage='head')
        # MMAction2's RecognizerOmni returns the logits alone.
        logits = found[0] if isinstance(found, tuple) else found
        # As in prediction: prior and temperature.
        adjust = getattr(self.model.cls_head, 'adjust_logits', lambda same: same)
        return adjust(logits).float().softmax(dim=-1)


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
    the file: its features of the prompts are. Batches have any size, and clips of a
    `FrameRecognizer` any length that its neck takes.

    Args:
        model: a recognizer of MMAction2 whose head scores classes, in evaluation mode.
        path: of the file.
        shape: (T, H, W) of a clip.
        metadata: stored in the file under these names, as JSON.
        int8: quantise the weights of linear layers to 8 bits, the activations as they come.

    Returns:
        The largest difference of a probability from PyTorch's, on random frames.

    Raises:
        ValueError: when a package or an operator is missing, or the file answers otherwise.
        OSError: when it cannot be written.
    """
    try:
        for name in ('onnx', 'onnxscript', 'onnxruntime'):
            import_module(name)
    except ImportError as error:
        raise ValueError(f'the export needs {error.name}: install dferclip_mm[export]') from error
    scorer = Probabilities(merge_lora(model)).eval()
    lengths = [shape[0]]
    dims: dict[int, Any] = {0: Dim('clips')}
    if takes_any_length(model) and shape[0] > 1:
        # One view.
        model.num_frames = None
        dims[1] = Dim(
            'length', max=getattr(model.neck, 'max_frames', None) if model.with_neck else None
        )
        lengths.append(shape[0] // 2)
    batches = [
        _random_clips(count, (frames, *shape[1:])) for frames in lengths for count in (2, 1, 3)
    ]
    with torch.no_grad():
        # The first answer is without the export: heads keep the features of their texts.
        expected = np.concatenate([scorer(batch).numpy() for batch in batches])
        program = _export(scorer, batches[0], dims)
    program.model.metadata_props.update(
        {key: json.dumps(value) for key, value in (metadata or {}).items()}
    )
    differences = []

    def write(target: Path) -> None:
        program.save(target)
        found = _run(target, batches)
        difference = abs(found - expected).max()
        # Where one class has it all, only the logarithms of the others can tell.
        of_logarithm = abs(np.log(found + _LEAST) - np.log(expected + _LEAST)).max()
        if difference > TOLERANCE or of_logarithm > 100 * TOLERANCE:
            raise ValueError(
                f'{path}: expected the probabilities of PyTorch to {TOLERANCE:g}, found '
                f'differences up to {difference:.1e}, and {of_logarithm:.1e} in their '
                'logarithms, in ONNX Runtime; nothing is written'
            )
        if int8:
            _quantise(target)
            difference = abs(_run(target, batches) - expected).max()
        differences.append(float(difference))

    atomic_write(path, write)
    return differences[0]


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
        cause: BaseException = error
        operator = ''
        while cause.__cause__ is not None:
            cause = cause.__cause__
            if found := re.search(r'target=torch\.ops\.(\w+\.\w+)', str(cause)):
                operator = f'{found[1]}: '
        raise ValueError(
            f'this model cannot be exported to ONNX ({operator}{str(cause).splitlines()[0]}): '
            'replace the part that is named, or run the model in PyTorch'
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


def _quantise(path: Path) -> None:
    """Put a file's linear layers in INT8."""
    import onnx
    from onnx import numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(path)
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in (node for node in model.graph.node if node.op_type == 'Gemm'):
        inputs = dict(zip(('a', 'alpha', 'beta'), node.input, strict=False))
        for factor in node.attribute:
            weight = weights.get(inputs.get(factor.name, ''))
            if weight is not None and factor.f != 1:
                # ONNX Runtime leaves products with a factor, as QuickGELU's, in float32.
                scaled = numpy_helper.to_array(weight) * np.float32(factor.f)
                weight.CopyFrom(numpy_helper.from_array(scaled, weight.name))
                factor.f = 1.0
    quantize_dynamic(
        model,
        path,
        weight_type=QuantType.QInt8,
        per_channel=True,
        op_types_to_quantize=['MatMul', 'Gemm'],
    )
