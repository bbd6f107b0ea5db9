"""What does not fit ends a run before its first step."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mini_corpora import write_dfew
from mmaction.registry import MODELS
from mmengine.runner import Runner

from dferclip_mm.engine.hooks import StartupCheckHook


def pipeline(frames, input_format='NCHW'):
    return [
        dict(type='ClipInit'),
        dict(type='SampleSegments', num_frames=frames),
        dict(type='ClipDecode'),
        dict(type='ClipResize', size=32),
        dict(type='FormatShape', input_format=input_format),
        dict(type='PackActionInputs', meta_keys=('sample_idx',)),
    ]


@pytest.fixture
def run(tmp_path, tiny_model):
    """A runner over a small DFEW; `model` replaces the recognizer, `val` the validation clips."""
    root = str(write_dfew(tmp_path / 'dfew'))

    def build(model=None, train=None, val=None, checks=True, **settings):
        data = dict(type='DFEWDataset', data_root=root, fold=1)
        loader = dict(batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False))
        config = dict(
            model=model or tiny_model,
            work_dir=str(tmp_path / 'run'),
            train_dataloader=dict(
                **loader, dataset=dict(**data, split='train', pipeline=train or pipeline(4))
            ),
            val_dataloader=dict(
                **loader, dataset=dict(**data, split='test', pipeline=val or pipeline(4))
            ),
            train_cfg=dict(by_epoch=True, max_epochs=1),
            val_cfg=dict(),
            val_evaluator=dict(type='RecallMetric'),
            default_hooks=dict(startup_check=dict(type='StartupCheckHook')) if checks else {},
            default_scope='mmaction',
            experiment_name=f'{tmp_path.name}_{checks}',
            **dict(dict(optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01))), **settings),
        )
        return Runner(**config, cfg=config)

    return build


def fails(runner, message):
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert runner.iter == 0


def test_wrong_channels_of_the_neck_are_refused(run, tiny_model):
    tiny_model['neck']['in_channels'] = 48
    fails(run(), r'a clip of train_dataloader, .*: the backbone gives 32 .* neck.in_channels=32')


def test_validation_clips_are_refused_before_the_first_epoch(run):
    fails(run(val=pipeline(6)), 'pipeline of val_dataloader gives 6 frames, but model.num_fr')


def test_an_image_backbone_in_a_video_recognizer_is_refused(run, tiny_model):
    video = dict(tiny_model, type='Recognizer3D')
    del video['num_frames']
    video['data_preprocessor'] = dict(type='ActionDataPreprocessor', format_shape='NCTHW')
    video['backbone'] = dict(type='ResNet', depth=18, pretrained=None)
    clips = pipeline(4, 'NCTHW')
    fails(run(video, clips, clips), 'image backbones in FrameRecognizer')


def test_a_head_without_names_keeps_one_order_of_classes():
    def loader(*classes):
        return SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))

    model = torch.nn.Module()
    model.cls_head = torch.nn.Linear(2, 2)
    model.cls_head.num_classes = 2
    runner = SimpleNamespace(
        model=model, cfg={}, hooks=[], val_loop=object(), val_evaluator=SimpleNamespace(metrics=[])
    )
    runner.train_dataloader, runner.val_dataloader = loader('a', 'b'), loader('b', 'a')
    hook = StartupCheckHook()
    with pytest.raises(ValueError, match='train_dataloader has the classes a, b, but val_data'):
        hook.before_train(runner)
    hook.after_load_checkpoint(runner, dict(meta=dict(dataset_meta=dict(classes=['b', 'a']))))
    runner.test_dataloader, runner.test_evaluator = loader('a', 'b'), runner.val_evaluator
    with pytest.raises(ValueError, match='the checkpoint has the classes b, a, but test_dataload'):
        hook.before_test(runner)


def test_a_run_that_fits_logs_its_protocol_and_is_not_changed(run, tiny_model, tmp_path):
    """The same losses as without the checks: no random number is consumed."""
    losses = []
    for checks in (False, True):
        rates = dict(custom_keys=dict(backbone=dict(lr_mult=1), bakbone=dict(lr_mult=0.1)))
        wrapper = dict(optimizer=dict(type='SGD', lr=0.01), paramwise_cfg=rates)
        runner = run(checks=checks, auto_scale_lr=dict(base_batch_size=16), optim_wrapper=wrapper)
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        runner.model.load_state_dict(MODELS.build(tiny_model).state_dict())
        runner.train()
        losses.append(runner.message_hub.get_scalar('train/loss').data[0][-4:].tolist())
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4
    log = ''.join(path.read_text() for path in (tmp_path / 'run').rglob('*.log'))
    assert log.count('protocol: the last epoch is the result') == 1
    assert log.count("custom_keys: no parameter has 'bakbone' in its name") == 1
    assert "'backbone' in its name" not in log
    assert log.count('this run has 2 (2 clips x 1 processes): pass --batch-size 16, or') == 1
