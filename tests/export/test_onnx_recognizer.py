"""The program that exports, and the analysis of a video with what it wrote."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from analyzed_clips import person, write_people
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from untrained_demo import CONFIG, write_untrained_demo

from dferclip_mm.emotions import CORPUS_CLASSES
from dferclip_mm.engine.model import load_model
from dferclip_mm.export import OnnxRecognizer, describe_model

CONFIGS = Path(CONFIG).parent
PAGE = CONFIGS.parent / 'docs' / 'export.md'


def test_a_video_is_analysed_by_the_exported_file_as_by_the_checkpoint(
    work_dir: Path, run_tool: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_untrained_demo(work_dir)
    run_tool('export_model', CONFIG, checkpoint, 'model.onnx')
    printed = capsys.readouterr().out
    assert 'clips of any length of 48 x 48 pixels to 7 probabilities' in printed
    assert 'largest difference from PyTorch on random clips: ' in printed
    recognizer = OnnxRecognizer('model.onnx')
    assert recognizer.cls_head.classes == CORPUS_CLASSES['dfew']
    assert recognizer.metadata['size'] == [48, 48]
    assert recognizer.metadata['pipeline'][1]['type'] == 'SampleSegments'

    write_people('one.mp4', person(0))
    options = ('--window', '1', '--formats', 'csv', '--device', 'cpu')
    run_tool('analyze', 'one.mp4', '--model', CONFIG, checkpoint, '--out', 'torch', *options)
    run_tool('analyze', 'one.mp4', '--model', 'model.onnx', '--out', 'onnx', *options)
    found, expected = (pd.read_csv(f'{name}/one/windows.csv') for name in ('onnx', 'torch'))
    assert len(found) == 3
    pd.testing.assert_frame_equal(found, expected, atol=1e-4)

    # The example of the page has nothing but ONNX Runtime and numpy.
    (example,) = re.findall(r'^```python\n(.*?)^```', PAGE.read_text('utf-8'), re.M | re.S)
    assert len(example.splitlines()) <= 30
    frames = np.random.default_rng(0).integers(0, 256, (9, 48, 48, 3)).astype(np.uint8)
    np.save('clip.npy', frames)
    done = subprocess.run(
        [sys.executable, '-c', f'{example}\nimport sys; assert "torch" not in sys.modules'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    chosen = torch.from_numpy(frames[[1, 3, 5, 7]].transpose(0, 3, 1, 2))
    model = load_model(Config.fromfile(CONFIG), checkpoint)
    with torch.no_grad():
        samples = [ActionDataSample()]
        (sample,) = model.test_step(dict(inputs=[chosen], data_samples=samples))
    lines = zip(recognizer.cls_head.classes, sample.pred_score.tolist(), strict=True)
    assert done.stdout.splitlines() == [f'{name}: {value:.4f}' for name, value in lines]

    with pytest.raises(SystemExit) as end:
        run_tool('analyze', 'one.mp4', '--model', 'model.onnx', '--classes', 'calm,tense')
    assert 'model.onnx has its classes: expected no other classes' in str(end.value)
    without = ('--cfg-options', 'test_dataloader=None', 'test_cfg=None', 'test_evaluator=None')
    with pytest.raises(SystemExit, match='expected a test_dataloader, whose pipeline says'):
        run_tool('export_model', CONFIG, checkpoint, 'other.onnx', *without)


def write_other_onnx(path: Path, **metadata: str) -> None:
    frames = onnx.helper.make_tensor_value_info('frames', onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node('Identity', ['frames'], ['probabilities'])
    answer = onnx.helper.make_tensor_value_info('probabilities', onnx.TensorProto.FLOAT, [1])
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], 'g', [frames], [answer]),
        opset_imports=[onnx.helper.make_opsetid('', 20)],
        ir_version=10,
    )
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / 'other.onnx'
    with pytest.raises(ValueError, match=r'cannot be read: .*NO_SUCHFILE'):
        OnnxRecognizer(path)
    path.write_text('no model')
    with pytest.raises(ValueError, match=r'and a file of tools/export_model\.py, found'):
        OnnxRecognizer(path)
    write_other_onnx(path)
    with pytest.raises(ValueError, match="found: 'classes'"):
        OnnxRecognizer(path)
    # A name in a file must not choose what is imported.
    write_other_onnx(path, classes='["a"]', pipeline='[{"type": "os.system", "command": "ls"}]')
    with pytest.raises(ValueError, match=r'not read: os\.system'):
        OnnxRecognizer(path)


MODEL = SimpleNamespace(cls_head=SimpleNamespace(classes=('a', 'b')))


@pytest.mark.parametrize(
    ('name', 'frames', 'size'),
    [
        ('dferclip_dfew', 16, [224, 224]),
        ('emoclip_zeroshot_dfew', 32, [224, 224]),
        ('dferclip_tsm-r50_dfew', 16, [224, 224]),
        ('dferclip_videomae_dfew', 16, [224, 224]),
        ('dferclip_swin3d_dfew', 16, [224, 224]),
    ],
)
def test_frames_and_size_are_those_of_the_test_pipeline(
    name: str, frames: int, size: list[int]
) -> None:
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    found = describe_model(cfg, MODEL)
    assert (found['num_frames'], found['size']) == (frames, size)


def test_a_model_without_classes_or_frames_cannot_be_described() -> None:
    cfg = Config.fromfile(CONFIGS / 'dferclip_dfew_frozen_cached.py')
    with pytest.raises(ValueError, match='no test pipeline gives pixels'):
        describe_model(cfg, MODEL)
    with pytest.raises(ValueError, match='no test pipeline gives pixels'):
        describe_model(Config(), MODEL)
    with pytest.raises(ValueError, match='a head with classes, found object'):
        describe_model(cfg, SimpleNamespace(cls_head=object()))
