"""Some modules start from another model's weights."""

import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.engine.hooks.load_pretrained_hook import load_prefixes


@pytest.fixture
def stock():
    head = dict(type='TSNHead', num_classes=400, in_channels=512)
    backbone = dict(type='ResNet', depth=18, pretrained=None)
    return MODELS.build(dict(type='Recognizer2D', backbone=backbone, cls_head=head))


@pytest.fixture
def mixed(tiny_model):
    tiny_model['backbone'] = dict(type='ResNet', depth=18, pretrained=None)
    tiny_model['neck']['in_channels'] = 512
    return MODELS.build(tiny_model)


def test_a_backbone_is_loaded_and_the_rest_reported(stock, mixed):
    before = {k: v.clone() for k, v in mixed.state_dict().items() if 'backbone' not in k}
    weights = stock.state_dict()
    (report,) = load_prefixes(mixed, weights, ['backbone'], 'tsn.pth')
    count = len(stock.backbone.state_dict())
    assert report.startswith(f'{count} tensors of backbone loaded from tsn.pth; with their own ')
    assert 'neck.cls_token (1)' in report
    assert 'cls_head.prompt_learner' in report
    assert report.endswith('ignored in the checkpoint: cls_head.fc_cls (2)')
    for name, value in mixed.state_dict().items():
        assert torch.equal(value, before[name] if name in before else weights[name]), name


def test_what_the_checkpoint_has_and_prefixes_leave_out_is_told_apart(mixed):
    weights = {**mixed.state_dict(), 'extra.weight': torch.zeros(1)}
    del weights['cls_head.prompt_learner.context']
    (report,) = load_prefixes(mixed, weights, ['backbone'], 'run.pth')
    _, own, unasked, ignored = report.split('; ')
    assert own == 'with their own weights: cls_head.prompt_learner (1)'
    assert unasked.startswith('in the checkpoint, but not among prefixes: cls_head.text_encoder (')
    assert 'neck.pos_embed (1)' in unasked
    assert ignored == 'ignored in the checkpoint: extra.weight (1)'


def test_a_missing_prefix_is_explained(stock, mixed):
    with pytest.raises(ValueError, match=r'tsn.pth has no tensor of neck: .* backbone, cls_head'):
        load_prefixes(mixed, stock.state_dict(), ['backbone', 'neck'], 'tsn.pth')
