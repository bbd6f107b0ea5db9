"""What does not fit ends a run before its first step."""

from types import SimpleNamespace

import pytest
import torch
from mini_corpora import write_dfew
from small_runs import small_config, start

from dferclip_mm.engine.hooks import StartupCheckHook


@pytest.fixture
def cfg(tmp_path):
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    return small_config('dferclip_dfew', root.parent, tmp_path / 'run')


def wrong_channels(cfg):
    cfg.model.neck.in_channels = 48


def other_frames_in_validation(cfg):
    cfg.val_dataloader.dataset.pipeline[1].num_frames = 6


def image_backbone_in_a_video_recognizer(cfg):
    del cfg.model.num_frames, cfg.model.arch
    cfg.model.type = 'Recognizer3D'
    cfg.model.backbone = dict(type='ResNet', depth=18, pretrained=None)
    cfg.model.data_preprocessor = dict(type='ActionDataPreprocessor', format_shape='NCTHW')
    cfg.train_dataloader.dataset.pipeline[-2].input_format = 'NCTHW'


@pytest.mark.parametrize(
    ('spoil', 'said'),
    [
        (wrong_channels, r'a clip of train_dataloader, .*: the backbone gives 32 .*in_channels=32'),
        (other_frames_in_validation, 'of val_dataloader gives 6 frames, but model.num_fr'),
        (image_backbone_in_a_video_recognizer, 'image backbones in FrameRecognizer'),
    ],
)
def test_what_does_not_fit_ends_a_run_before_its_first_step(cfg, spoil, said):
    spoil(cfg)
    runner = start(cfg)
    with pytest.raises(ValueError, match=said):
        runner.train()
    assert runner.iter == 0


def test_what_does_not_fit_ends_a_test(cfg):
    dataset = cfg.test_dataloader.dataset
    dataset.class_map = dict(happiness='joy')
    with pytest.raises(
        ValueError, match=r'model.cls_head has the classes .*test_dataloader has joy'
    ):
        start(cfg).test()


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


def test_a_run_that_fits_is_not_changed_and_logs_what_is_unusual(cfg, tmp_path):
    """The same losses as without the checks: no random number is consumed."""
    cfg.optim_wrapper.paramwise_cfg.custom_keys.bakbone = dict(lr_mult=0.1)
    # It would seed each iteration.
    cfg.default_hooks.exact_resume = None
    losses = []
    for checks in ({}, dict(startup_check=None)):
        cfg.default_hooks.update(checks)
        runner = start(cfg.copy())
        runner.train()
        losses.append(runner.message_hub.get_scalar('train/loss').data[0].tolist())
    assert losses[0] == losses[1]
    assert len(losses[0]) == 3
    log = ''.join(path.read_text() for path in (tmp_path / 'run').rglob('*.log'))
    assert log.count("custom_keys: no parameter has 'bakbone' in its name") == 1
    assert "'backbone' in its name" not in log
    assert log.count('this run has 2 (2 clips x 1 processes): pass --batch-size 48, or') == 1
