"""The worked examples of mixing: each trained for a moment, from a checkpoint of MMAction2."""

from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.runner import Runner

CONFIGS = Path(__file__).parent.parent / 'configs'
SHIPPED_HEADS = dict(
    tsm=dict(type='TSMHead', num_classes=400, in_channels=2048, num_segments=16),
    videomae=dict(type='TimeSformerHead', num_classes=400, in_channels=768),
    swin3d=dict(type='I3DHead', num_classes=400, in_channels=768),
)
NAMES = dict(tsm='tsm-r50', videomae='videomae', swin3d='swin3d')
SMALL = dict(tsm={}, videomae=dict(depth=1, img_size=32), swin3d={})
TEXT = dict(
    embed_dim=512,
    vision_cfg=dict(image_size=32, layers=1, width=64, patch_size=32),
    text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=1, layers=1),
)


@pytest.mark.parametrize('name', NAMES)
def test_one_epoch_from_mmaction2_checkpoint(tmp_path, name):
    cfg = Config.fromfile(CONFIGS / f'dferclip_{NAMES[name]}_dfew.py')
    root = str(write_dfew(tmp_path / 'dfew'))
    cfg.model.backbone.update(SMALL[name])
    cfg.model.cls_head.text_encoder.update(arch=TEXT, pretrained=None)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=0, persistent_workers=False, batch_size=3)
        loader.dataset.data_root = root
        for step in loader.dataset.pipeline:
            if 'size' in step:
                step.size = 32
    cfg.merge_from_dict(dict(work_dir=str(tmp_path / 'run'), train_cfg=dict(max_epochs=1)))

    stock = dict(
        type='Recognizer2D' if name == 'tsm' else 'Recognizer3D',
        backbone=cfg.model.backbone.to_dict(),
        cls_head=SHIPPED_HEADS[name],
    )
    checkpoint = tmp_path / 'stock.pth'
    weights = MODELS.build(stock).state_dict()
    torch.save(dict(meta={}, state_dict=weights), checkpoint)
    cfg.default_hooks.load_pretrained.checkpoint = str(checkpoint)
    # No learning: after the run the backbone still has the checkpoint's weights.
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)

    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 2
    assert all(torch.isfinite(torch.tensor(runner.message_hub.get_scalar('train/loss').data[0])))
    for key, value in runner.model.backbone.named_parameters():
        assert torch.equal(value, weights[f'backbone.{key}']), key
    assert 0 <= runner.message_hub.get_scalar('val/dfer/UAR').current() <= 100
    report = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert f'tensors of backbone loaded from {checkpoint}' in report
    assert 'with their own weights: cls_head.' in report
    assert 'ignored in the checkpoint: cls_head.fc_cls (2)' in report
