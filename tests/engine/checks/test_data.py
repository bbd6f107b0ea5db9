"""Labels, class names and numbers of frames that do not fit end a run before its first step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmaction.registry import DATASETS, METRICS
from small_runs import CONFIGS

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


SEGMENTS = dict(backbone=dict(num_segments=8))


@pytest.mark.parametrize(
    ('model', 'settings', 'refused'),
    [
        (dict(num_frames=8), dict(num_frames=16), 16),
        (dict(num_frames=8), dict(clip_len=1, num_clips=16), 16),
        (SEGMENTS, dict(clip_len=1, num_clips=3), 3),
        # Ten views of eight frames, and one view of eight single frames, twice.
        (dict(num_frames=8), dict(clip_len=8, num_clips=10), None),
        (SEGMENTS, dict(clip_len=1, num_clips=8, twice_sample=True), None),
        # Any number of frames.
        (dict(backbone=dict(depth=50)), dict(clip_len=16), None),
    ],
)
def test_another_number_of_frames_is_refused_and_several_views_pass(
    model: dict, settings: dict, refused: int | None, work_dir: Path
) -> None:
    said = f'test_dataloader gives {refused} frames, but model.* is 8:'
    with pytest.raises(ValueError, match=said) if refused else nullcontext():
        check_frames(sampler(**settings), model, 'test_dataloader')


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
