"""Labels, class names and numbers of frames that do not fit end a run before its first step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clip_files import write_video
from mmaction.registry import DATASETS, METRICS
from mmengine.config import Config
from small_runs import CONFIGS, small_config, write_corpora

from dferclip_mm.engine.checks.data import check_frames, check_labels, check_metric_names

THREE = SimpleNamespace(classes=('low', 'middle', 'high'), num_classes=3)


def videos(folder: Path, lines: list[str], **settings: Any) -> dict:
    """MMAction2's dataset of videos over a list."""
    (folder / 'list.txt').write_text('\n'.join(lines))
    return dict(
        type='VideoDataset',
        ann_file=str(folder / 'list.txt'),
        data_prefix=dict(video=str(folder)),
        pipeline=[],
        **settings,
    )


@pytest.mark.promise(
    'Settings and numbers',
    'Labels outside the classes end a run before its first step, also in datasets of MMAction2',
)
@pytest.mark.parametrize(
    ('lines', 'settings', 'head', 'said'),
    [
        (['a.mp4 0', 'b.mp4 3'], {}, THREE, r'the label 3 for the clip .*b\.mp4, .* \(low, middle'),
        # A head of MMAction2 knows a number only.
        (
            ['a.mp4 7'],
            {},
            SimpleNamespace(num_classes=7),
            'the label 7 .* has 7 classes, numbered from 0 to 6:',
        ),
        (
            ['a.mp4 1', 'b.mp4 0 5'],
            dict(multi_class=True, num_classes=3),
            THREE,
            r'the label 5 for the clip .*b\.mp4',
        ),
    ],
)
def test_a_label_outside_the_classes_is_refused(
    lines: list[str], settings: dict, head: Any, said: str, tmp_path: Path
) -> None:
    dataset = dict(type='RepeatDataset', times=2, dataset=videos(tmp_path, lines, **settings))
    with pytest.raises(ValueError, match=f'^train_dataloader: VideoDataset has {said}') as error:
        check_labels(DATASETS.build(dataset), head, 'train_dataloader')
    assert 'list.txt' in str(error.value)


def test_labels_of_the_classes_pass(tmp_path: Path) -> None:
    dataset = DATASETS.build(videos(tmp_path, ['a.mp4 0', 'b.mp4 2']))
    for head in (THREE, SimpleNamespace(num_classes=3), None, SimpleNamespace(targets=('x',))):
        check_labels(dataset, head, 'train_dataloader')
    check_labels([1, 2], THREE, 'train_dataloader')


def test_a_metric_that_needs_names_is_refused_with_data_that_have_none() -> None:
    for kind, what in (('RecallMetric', 'classes'), ('RegressionMetric', 'targets')):
        metric = METRICS.build(dict(type=kind, **{what: None}))
        said = f"^val_dataloader: {kind} needs the names of the {what}: set the dataset's metainfo"
        with pytest.raises(ValueError, match=said):
            check_metric_names([metric], 'val_dataloader')
        metric.dataset_meta = {what: ['a', 'b']}
        own = METRICS.build(dict(type=kind, **{what: ['a', 'b']}))
        check_metric_names([metric, own, METRICS.build(dict(type='AccMetric'))], 'val_dataloader')


def sampler(**settings: Any) -> Any:
    """A dataset whose pipeline has a sampler; the other steps have no number of frames."""
    kind = 'SampleSegments' if 'num_frames' in settings else 'SampleFrames'
    first = dict(type='ClipInit')
    pipeline = [first, dict(settings, type=kind), dict(type='ThreeCrop', crop_size=8)]
    dataset = videos(Path.cwd(), ['a.mp4 0'])
    return DATASETS.build(dict(dataset, pipeline=pipeline))


@pytest.mark.parametrize(
    ('model', 'settings', 'found'),
    [
        (dict(num_frames=8), dict(num_frames=16), 16),
        (dict(num_frames=8), dict(clip_len=1, num_clips=16), 16),
        (dict(backbone=dict(num_segments=8)), dict(clip_len=1, num_clips=3), 3),
    ],
)
def test_another_number_of_frames_is_refused_with_both_numbers(
    model: dict, settings: dict, found: int, work_dir: Path
) -> None:
    with pytest.raises(
        ValueError, match=f'test_dataloader gives {found} frames, but model.* is 8:'
    ):
        check_frames(sampler(**settings), model, 'test_dataloader')


@pytest.mark.parametrize(
    ('model', 'settings'),
    [
        (dict(num_frames=8), dict(num_frames=8)),
        # Ten views of eight frames, and one view of eight single frames, twice.
        (dict(num_frames=8), dict(clip_len=8, num_clips=10)),
        (dict(backbone=dict(num_segments=8)), dict(clip_len=1, num_clips=8, twice_sample=True)),
        # Any number of frames.
        (dict(backbone=dict(depth=50)), dict(clip_len=16)),
    ],
)
def test_several_views_of_the_models_frames_pass(
    model: dict, settings: dict, work_dir: Path
) -> None:
    check_frames(sampler(**settings), model, 'test_dataloader')


@pytest.fixture
def small(tmp_path: Path) -> Config:
    write_corpora(tmp_path)
    return small_config('dferclip_dfew', tmp_path, tmp_path / 'run')


def test_the_program_says_so_before_the_first_step(
    small: Config, tmp_path: Path, run_tool: Callable[..., None]
) -> None:
    loader = small.test_dataloader

    def fails(said: str) -> None:
        small.dump(str(tmp_path / 'own.py'))
        with pytest.raises(SystemExit, match=said):
            run_tool('test', tmp_path / 'own.py', '--work-dir', tmp_path / 'run')

    write_video(tmp_path / 'a.mp4', 8)
    loader.dataset = videos(tmp_path, ['a.mp4 7'])
    fails(r'test_dataloader: VideoDataset has the label 7 .*a\.mp4, .*7 classes \(happiness')
    loader.dataset = videos(tmp_path, ['a.mp4 6'])
    fails('RecallMetric needs the names of the classes')


def test_data_are_looked_for_before_weights(
    run_tool: Callable[..., None], work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*_: Any, **__: Any) -> None:
        raise AssertionError('weights were asked for')

    monkeypatch.setattr('open_clip.create_model', download)
    monkeypatch.setattr('open_clip.pretrained.download_pretrained', download)
    for program, name, *words in (
        ('train', 'dferclip_dfew'),
        ('extract_features', 'dferclip_dfew', 'none', 'out.npz'),
        ('cache_frames', 'dferclip_dfew_frozen_cached'),
    ):
        arguments = (CONFIGS / f'{name}.py', *words, '--data-root', 'nowhere')
        with pytest.raises(SystemExit, match=r"data_root='nowhere' is not a folder"):
            run_tool(program, *arguments)
