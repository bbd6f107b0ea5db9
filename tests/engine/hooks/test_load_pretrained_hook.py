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
    # What it has beyond the prefixes is told apart.
    weights = {**stock.state_dict(), 'neck.cls_token': mixed.neck.cls_token}
    (report,) = load_prefixes(mixed, weights, ['backbone'], 'tsn.pth')
    count = len(stock.backbone.state_dict())
    assert report.startswith(f'{count} tensors of backbone loaded from tsn.pth; with their own ')
    assert 'in the checkpoint, but not among prefixes: neck.cls_token (1); ignored' in report
    assert 'cls_head.prompt_learner' in report
    assert report.endswith('ignored in the checkpoint: cls_head.fc_cls (2)')
    for name, value in mixed.state_dict().items():
        assert torch.equal(value, before[name] if name in before else weights[name]), name


def test_a_missing_prefix_is_explained(stock, mixed):
    with pytest.raises(ValueError, match=r'tsn.pth has no tensor of neck: .* backbone, cls_head'):
        load_prefixes(mixed, stock.state_dict(), ['backbone', 'neck'], 'tsn.pth')
