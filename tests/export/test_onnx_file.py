"""A model as an ONNX file: the probabilities of PyTorch, for any batch, or no file at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import ConfigDict

from dferclip_mm.converters import bake_text_features
from dferclip_mm.export import onnx_file, write_onnx

SHAPE = (4, 32, 32)
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 70.0, 80.0]


def clips(count: int, frames: int = 4) -> np.ndarray:
    shape = (count, frames, *SHAPE[1:], 3)
    return np.random.default_rng(count).integers(0, 256, shape).astype(np.uint8)


def run(path: Path, frames: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(None, {'frames': frames})[0]


def predict(model: torch.nn.Module, frames: np.ndarray) -> np.ndarray:
    """As `tools/test.py` does: MMAction2's preprocessor and recognizer."""
    inputs = list(torch.from_numpy(frames).permute(0, 1, 4, 2, 3))
    samples = [ActionDataSample() for _ in inputs]
    with torch.no_grad():
        found = model.test_step(dict(inputs=inputs, data_samples=samples))
    return np.stack([sample.pred_score.numpy() for sample in found])


@pytest.fixture
def model(tiny_model: dict) -> torch.nn.Module:
    tiny_model['data_preprocessor'].update(mean=MEAN, std=STD)
    adjusted = dict(temperature=3.0, prior_adjustment=1.0, class_counts=[1, 2, 3, 4, 5, 6, 7])
    tiny_model['cls_head'].update(adjusted)
    return MODELS.build(tiny_model).eval()


def test_a_file_scores_any_batch_as_the_model_and_holds_no_text_tower(
    model: torch.nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / 'new' / 'model.onnx'
    assert write_onnx(model, path, SHAPE, metadata=dict(classes=['a', 'é'])) <= 1e-5
    for count, frames in ((1, 4), (5, 4), (2, 3), (1, 1)):
        batch = clips(count, frames)
        np.testing.assert_allclose(run(path, batch), predict(model, batch), atol=1e-5)
    stored = onnx.load(path)
    weights = sum(np.prod(weight.dims) for weight in stored.graph.initializer)
    without_text = sum(
        value.numel() for part in (model.backbone, model.neck) for value in part.parameters()
    )
    # Positions of longer clips are cut off, too.
    assert 0.9 * without_text < weights < 1.1 * without_text
    assert {entry.key: json.loads(entry.value) for entry in stored.metadata_props} == {
        'classes': ['a', 'é']
    }
    assert [each.name for each in path.parent.iterdir()] == ['model.onnx']


def test_a_published_model_and_emoclip_are_exported_as_they_score(
    tiny_model: dict, tmp_path: Path
) -> None:
    model = MODELS.build(tiny_model).eval()
    expected = predict(model, clips(3))
    state, cfg = bake_text_features(model, ConfigDict(model=tiny_model))
    published = MODELS.build(cfg.model).eval()
    published.load_state_dict(state)
    write_onnx(published, tmp_path / 'published.onnx', SHAPE)
    np.testing.assert_allclose(run(tmp_path / 'published.onnx', clips(3)), expected, atol=1e-5)

    tiny_model['cls_head'].pop('num_context')
    tiny_model['cls_head']['type'] = 'VideoTextContrastiveHead'
    emoclip = MODELS.build(tiny_model).eval()
    write_onnx(emoclip, tmp_path / 'emoclip.onnx', SHAPE)
    expected = predict(emoclip, clips(3))
    np.testing.assert_allclose(run(tmp_path / 'emoclip.onnx', clips(3)), expected, atol=1e-5)


def test_int8_takes_every_linear_layer_and_says_how_far_it_is(
    model: torch.nn.Module, tmp_path: Path
) -> None:
    found = write_onnx(model, tmp_path / 'int8.onnx', SHAPE, metadata=dict(size=3), int8=True)
    assert 1e-5 < found < 0.05
    difference = abs(run(tmp_path / 'int8.onnx', clips(2)) - predict(model, clips(2))).max()
    assert 1e-6 < difference < 0.05
    stored = onnx.load(tmp_path / 'int8.onnx')
    kinds = [node.op_type for node in stored.graph.node]
    # Two blocks of the image tower, one of the neck, but the products whose weights are cut.
    assert kinds.count('MatMulInteger') >= 8
    assert 'Gemm' not in kinds
    assert 'size' in [entry.key for entry in stored.metadata_props]


class Shift(torch.nn.Module):
    """As MMAction2's TSM: each frame's pixels and those of the frame before it."""

    num_segments = 4

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        frames = images.flatten(1)[:, :32].unflatten(0, (-1, self.num_segments))
        return (frames + frames.roll(1, dims=1)).flatten(0, 1)


def test_a_backbone_that_shifts_frames_keeps_its_length(
    model: torch.nn.Module, tmp_path: Path
) -> None:
    model.backbone, path = Shift(), tmp_path / 'model.onnx'
    write_onnx(model, path, SHAPE)
    np.testing.assert_allclose(run(path, clips(3)), predict(model, clips(3)), atol=1e-5)
    with pytest.raises(Exception, match='Expected: 4'):
        run(path, clips(2, 2))


class Eigenvalues(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvals(images[:, 0]).abs()


def test_an_operator_that_onnx_lacks_is_named_and_nothing_is_written(
    model: torch.nn.Module, tmp_path: Path
) -> None:
    model.backbone = Eigenvalues()
    with pytest.raises(ValueError, match=r'cannot be exported .*aten\.linalg_eig') as error:
        write_onnx(model, tmp_path / 'model.onnx', SHAPE)
    assert '\n' not in str(error.value)
    assert not [*tmp_path.iterdir()]


class Program:
    """What PyTorch's exporter returns."""

    model = SimpleNamespace(metadata_props={})

    def save(self, path: Path) -> None:
        path.write_text('new')


@pytest.mark.parametrize('scores', [np.eye(7)[[0] * 6], np.full((6, 7), 1 / 7)])
def test_a_file_that_answers_otherwise_is_not_kept(
    model: torch.nn.Module, scores: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.num_frames = 1
    monkeypatch.setattr(onnx_file, '_export', lambda *_: Program())
    monkeypatch.setattr(onnx_file, '_run', lambda *_: scores)
    (tmp_path / 'model.onnx').write_text('old')
    with pytest.raises(ValueError, match=r'to 0\.0001, found differences up to'):
        write_onnx(model, tmp_path / 'model.onnx', (1, *SHAPE[1:]))
    assert [each.read_text() for each in tmp_path.iterdir()] == ['old']


def test_missing_packages_are_named(
    model: torch.nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ValueError, match=r'needs onnxscript: install dferclip_mm\[export\]'):
        write_onnx(model, tmp_path / 'model.onnx', SHAPE)


@pytest.mark.parametrize(
    ('setting', 'last'),
    [(dict(lora=dict(rank=2)), 'lora_b'), (dict(adapter=dict(dim=4)), 'adapter_up.weight')],
)
def test_small_weights_of_a_frozen_tower_are_in_the_file_as_they_score(
    tiny_model: dict, tmp_path: Path, setting: dict, last: str
) -> None:
    tiny_model['backbone'].update(setting)
    torch.manual_seed(0)
    model = MODELS.build(tiny_model).eval()
    before = predict(model, clips(2))
    for name, value in model.named_parameters():
        if name.endswith(last):
            torch.nn.init.normal_(value)
    expected = predict(model, clips(2))
    assert abs(np.log(expected / before)).max() > 0.3
    path = tmp_path / 'model.onnx'
    write_onnx(model, path, SHAPE)
    np.testing.assert_allclose(run(path, clips(2)), expected, rtol=1e-2)
    assert not any('lora' in weight.name for weight in onnx.load(path).graph.initializer)
