"""The worked examples of mixing: each trained for a moment, from a checkpoint of MMAction2."""

import pytest
import torch
from mini_corpora import write_dfew
from mmaction.registry import MODELS
from small_runs import FRAMES, small_config, start

# MMAction2's own heads for these backbones.
SHIPPED_HEADS = {
    'tsm-r50': dict(type='TSMHead', in_channels=2048, num_segments=FRAMES),
    'videomae': dict(type='TimeSformerHead', in_channels=48),
    'swin3d': dict(type='I3DHead', in_channels=768),
}


@pytest.mark.parametrize('name', SHIPPED_HEADS)
def test_a_backbone_trains_from_a_checkpoint_of_mmaction2(tmp_path, name):
    write_dfew(tmp_path / 'DFEW', num_frames=FRAMES)
    cfg = small_config(f'dferclip_{name}_dfew', tmp_path, tmp_path / 'run')
    stock = dict(
        type='Recognizer2D' if name == 'tsm-r50' else 'Recognizer3D',
        backbone=cfg.model.backbone.to_dict(),
        cls_head=dict(**SHIPPED_HEADS[name], num_classes=400),
    )
    checkpoint = tmp_path / 'stock.pth'
    weights = MODELS.build(stock).state_dict()
    torch.save(dict(meta={}, state_dict=weights), checkpoint)
    cfg.default_hooks.load_pretrained.checkpoint = str(checkpoint)
    cfg.default_hooks.checkpoint.update(save_best=None, save_last=False, interval=2)
    # No learning: after the run the backbone still has the checkpoint's weights.
    cfg.optim_wrapper.optimizer.update(lr=0.0, weight_decay=0.0)

    runner = start(cfg)
    runner.train()
    assert runner.iter == 3
    assert all(torch.isfinite(torch.tensor(runner.message_hub.get_scalar('train/loss').data[0])))
    for key, value in runner.model.backbone.named_parameters():
        assert torch.equal(value, weights[f'backbone.{key}']), key
    assert 0 <= runner.message_hub.get_scalar('val/dfer/UAR').current() <= 100
    report = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert f'tensors of backbone loaded from {checkpoint}' in report
    assert 'with their own weights: cls_head.' in report
    assert 'ignored in the checkpoint: cls_head.fc_cls (2)' in report
