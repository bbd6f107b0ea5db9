"""Models of other kinds, their explanations, and models that cannot be asked so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from analyzed_clips import clip, recognise
from mmengine.config import Config
from untrained_demo import CONFIG, SIZE, TEMPLATE, whole_frame, write_untrained_demo

from dferclip_mm.explain.clip import UndefinedError
from dferclip_mm.faces.crop import write_template
from dferclip_mm.inference import EmotionAnalyzer
from dferclip_mm.inference.report import describe_limits

Build = Callable[..., EmotionAnalyzer]


@pytest.mark.parametrize('name', ['X3D', 'ResNetTSM'])
def test_a_backbone_that_mixes_frames_sees_whole_windows(tmp_path: Path, name: str) -> None:
    cfg = Config.fromfile(CONFIG)
    del cfg.model['backbone']
    if name == 'X3D':
        cfg.model.type = 'Recognizer3D'
        del cfg.model['num_frames']
        cfg.model.cls_head.text_encoder.arch = cfg.model.pop('arch')
        cfg.model.backbone, cfg.model.neck.in_channels = dict(type='X3D'), 192
        cfg.model.data_preprocessor.format_shape = 'NCTHW'
        cfg.test_dataloader.dataset.pipeline[-2].input_format = 'NCTHW'
    else:
        shifted = dict(type='ResNetTSM', depth=18, num_segments=4, shift_div=8, pretrained=None)
        cfg.model.backbone, cfg.model.neck.in_channels = shifted, 512
    cfg.dump(tmp_path / 'config.py')
    checkpoint = write_untrained_demo(tmp_path, tmp_path / 'config.py')
    settings = dict(detector=whole_frame, window=1.0, device='cpu', batch_size=2)
    analyzer = EmotionAnalyzer(tmp_path / 'config.py', checkpoint, **settings)
    frames = clip(10)
    result = analyzer(frames, frame_rate=4)
    assert len(result.windows) == 4
    # The second window begins with the third frame, and each has four.
    found = result.windows[list(analyzer.classes)].to_numpy()
    np.testing.assert_allclose(found[1], recognise(analyzer, cfg, frames[2:6]), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-5


def test_the_checkpoint_says_how_faces_are_cropped_and_how_long_windows_are(
    checkpoint: str, tmp_path: Path
) -> None:
    content, model = torch.load(checkpoint), str(tmp_path / 'model.pth')
    content['meta'] = dict(crop=asdict(replace(TEMPLATE, size=64, clip_frames=30)))
    torch.save(content, model)
    # It goes before the file beside it, and after one that is named.
    write_template(tmp_path / 'crop.json', TEMPLATE)
    for crop, size, window in ((None, 64, 1.2), (tmp_path / 'crop.json', SIZE, 2.8)):
        analyzer = EmotionAnalyzer(CONFIG, model, crop=crop, device='cpu')
        assert (analyzer.template.size, analyzer.window) == (size, window)


def test_a_model_without_learned_context_takes_any_classes(tmp_path: Path) -> None:
    config = CONFIG.with_name('demo_emoclip.py')
    result = EmotionAnalyzer(
        config,
        write_untrained_demo(tmp_path, config),
        classes=['boredom', 'interest'],
        prompts={'boredom': 'heavy lids.', 'interest': ['wide eyes.', 'raised brows.']},
        detector=whole_frame,
        window=1.0,
        device='cpu',
    )(clip(25))
    assert result.classes == ('boredom', 'interest')
    assert list(result.windows)[-2:] == ['boredom', 'interest']
    np.testing.assert_allclose(result.windows[['boredom', 'interest']].sum(axis=1), 1, atol=1e-5)


def test_a_config_that_says_not_what_the_model_sees_is_refused(
    checkpoint: str, tmp_path: Path
) -> None:
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.pipeline = cfg.test_dataloader.dataset.pipeline[:2]
    cfg.dump(tmp_path / 'config.py')
    with pytest.raises(ValueError, match='expected a test pipeline with num_frames, ClipDecode'):
        EmotionAnalyzer(tmp_path / 'config.py', checkpoint)
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.dump(tmp_path / 'config.py')
    with pytest.raises(ValueError, match='expected a test_dataloader'):
        EmotionAnalyzer(tmp_path / 'config.py', checkpoint)


def test_parts_that_do_not_fit_are_refused(build: Build, checkpoint: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='model learned a context for each of its own classes'):
        build(classes=['boredom', 'interest'], prompts='class_names')
    with pytest.raises(ValueError, match='classes: expected two or more, found happy'):
        build(classes=['happy'])
    with pytest.raises(
        ValueError, match=r'expected a config file \(\.py\), found .*model\.pth: CON'
    ):
        EmotionAnalyzer(checkpoint, str(CONFIG))
    alone = shutil.copy(checkpoint, tmp_path / 'alone.pth')
    with pytest.raises(FileNotFoundError, match=r'run `python tools/measure_crop\.py'):
        EmotionAnalyzer(CONFIG, alone)


def test_the_strongest_moment_of_each_emotion_is_explained(build: Build) -> None:
    analyzer = build()
    result = analyzer(clip(60), explain=True)
    explained = [moment for moment in result.moments if moment.frames]
    strongest = result.windows.groupby('label')['score'].max()
    assert {moment.label: moment.score for moment in explained} == strongest.to_dict()
    for moment in explained:
        assert len(moment.frames) == analyzer.num_frames
        times = [seen.time for seen in moment.frames]
        assert times == sorted(times)
        assert abs(np.mean(times) - moment.time) < 0.3
        # The face, and below it the places.
        picture = cv2.imdecode(np.frombuffer(moment.frames[0].picture, np.uint8), 1)
        assert picture.shape[0] == 2 * picture.shape[1]
        assert any(abs(seen.effect) > 1e-6 for seen in moment.frames)
    assert not any(moment.frames for moment in analyzer(clip(60)).moments)


def test_an_answer_without_an_explanation_says_why(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undefined(*given: object) -> None:
        raise UndefinedError('X3D has no map')

    monkeypatch.setattr('dferclip_mm.inference.analyzer.patch_relevance', undefined)
    result = build()(clip(60), explain=True)
    assert result.info['unexplained'] == 'X3D has no map'
    assert next(describe_limits(result.info)) == 'There is no explanation: X3D has no map.'
    assert len(result.windows) > 0
