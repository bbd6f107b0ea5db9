"""Whole pipelines over datasets, with MMAction2's transforms around ours."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from clip_files import PACK, read_steps
from mmaction.registry import DATASETS
from mmengine.dataset import pseudo_collate
from PIL import Image
from torch.utils.data import DataLoader

GOLDEN = json.loads((Path(__file__).parents[1] / 'data/golden_frames.json').read_text())
TEST_PIPELINE = read_steps(16, dict(type='ClipResize'), *PACK)
TRAIN_PIPELINE = [
    dict(type='ClipInit'),
    dict(type='SampleSegments'),
    dict(type='ClipDecode'),
    dict(type='ClipRotation'),
    dict(type='ClipRandomCrop', size=32),
    dict(type='ClipBrightness'),
    dict(type='ClipResize', size=32),
    dict(type='Flip'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs'),
]


def write_golden_frames(folder, case):
    folder.mkdir(parents=True)
    shape = (case['num_frames'], 12, 10, 3)
    blocks = np.random.RandomState(case['seed']).randint(0, 256, shape, dtype=np.uint8)
    rows = np.arange(case['height']) * 12 // case['height']
    columns = np.arange(case['width']) * 10 // case['width']
    for number, block in enumerate(blocks):
        Image.fromarray(block[rows][:, columns]).save(folder / f'{number:05}.png')


@pytest.mark.parametrize('case', GOLDEN['test_frames']['frames'], ids=lambda case: case['seed'])
def test_the_pixels_equal_the_golden_ones(tmp_path, case):
    write_golden_frames(tmp_path / 'data/faces/00001', case)
    (tmp_path / 'list.txt').write_text('00001.mp4 anger')
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), ann_file='list.txt')
    dataset = DATASETS.build(dict(**settings, pipeline=TEST_PIPELINE, test_mode=True))
    item = dataset[0]
    pixels = item['inputs'].double()
    assert pixels.shape == (16, 3, 224, 224)
    assert item['inputs'].dtype == torch.uint8
    assert item['data_samples'].gt_label.tolist() == [3]
    assert pixels.mean().item() == pytest.approx(case['mean_255'], abs=0.05)
    np.testing.assert_allclose(
        pixels.mean((1, 2, 3)).numpy(), case['frame_means_255'], rtol=0, atol=0.05
    )
    for *place, value in case['pixels']:
        assert abs(pixels[tuple(place)].item() - value) <= 1


@pytest.fixture
def clips(tmp_path, frames, video):
    frames(tmp_path / 'clips/00001', 20, size=(40, 50))
    video(tmp_path / 'clips/00002.mp4', 20, size=(48, 64))
    frames(tmp_path / 'clips/00003', 5, size=(40, 50))
    (tmp_path / 'list.txt').write_text('00001 anger\n00002 fear\n00003 neutral\n')
    return dict(
        type='MAFWDataset',
        data_root=str(tmp_path),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
    )


def test_a_training_batch_has_the_configured_shape(clips):
    dataset = DATASETS.build(dict(**clips, pipeline=TRAIN_PIPELINE))
    loader = DataLoader(
        dataset,
        batch_size=3,
        num_workers=2,
        collate_fn=pseudo_collate,
        timeout=300,
    )
    for _ in range(2):
        (batch,) = list(loader)
        assert [tuple(clip.shape) for clip in batch['inputs']] == [(16, 3, 32, 32)] * 3
        assert [sample.gt_label.item() for sample in batch['data_samples']] == [3, 6, 2]
        assert batch['data_samples'][0].img_shape == (32, 32)


def test_the_loaders_of_mmaction2_read_our_videos(clips):
    pipeline = [
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=1, num_clips=16, test_mode=True),
        dict(type='DecordDecode'),
    ]
    theirs = DATASETS.build(dict(**clips, pipeline=pipeline))[1]
    ours = DATASETS.build(dict(**clips, pipeline=TEST_PIPELINE[:3]))[1]
    assert theirs['frame_inds'].tolist() == ours['frame_inds'].tolist()
    np.testing.assert_array_equal(np.stack(theirs['imgs']), ours['imgs'])
