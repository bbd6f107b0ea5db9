"""Exp-CLIP's published file is one matrix: built here from the public code's description."""

import open_clip
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dferclip_mm.converters import convert, convert_back


@pytest.fixture
def named(monkeypatch, tiny_clip):
    """The small CLIP under two names of open_clip."""
    for name in ('ViT-L-14', 'tiny'):
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, tiny_clip)


@pytest.fixture
def published(tmp_path):
    path = tmp_path / 'ExpCLIP_L14-model.pth'
    torch.save({'mlp.weight': torch.randn(4096, 32)}, path)
    return path


def test_a_converted_matrix_is_evaluated_and_converted_back(
    named, published, tmp_path, tiny_weights, run_tool
):
    target = tmp_path / 'model.pth'
    options = ('--classes', 'mafw', '--pretrained', tiny_weights)
    run_tool('convert_checkpoint', published, target, *options)
    cfg = Config.fromfile(target.with_suffix('.py'))
    assert cfg.test_dataloader.dataset.type == 'MAFWDataset'
    init_default_scope('mmaction')
    model = MODELS.build(cfg.model)
    checkpoint = torch.load(target, weights_only=True)
    # The towers by their fingerprints, as of any checkpoint over frozen towers.
    model.load_state_dict(checkpoint['state_dict'], strict=True)
    matrix = torch.load(published, weights_only=True)['mlp.weight']
    assert torch.equal(model.cls_head.projection.weight, matrix)
    assert model(torch.rand(1, 16, 3, 32, 32), stage='head').shape == (1, 11)

    run_tool('convert_checkpoint', target, tmp_path / 'back.pth', '--back')
    back = torch.load(tmp_path / 'back.pth', weights_only=True)
    assert back.keys() == {'mlp.weight'}
    assert torch.equal(back['mlp.weight'], matrix)


def test_a_config_that_does_not_exist_is_not_named(
    named, published, tmp_path, tiny_weights, run_tool
):
    options = ('--classes', 'mafw_compound', '--pretrained', tiny_weights)
    with pytest.raises(SystemExit, match='no config for these classes: name one with --config'):
        run_tool('convert_checkpoint', published, tmp_path / 'model.pth', *options)


@pytest.mark.parametrize(
    ('state', 'arch', 'message'),
    [
        (
            {'mlp.weight': torch.zeros(4096, 512)},
            None,
            '512 numbers, and ViT-L-14 has 32: .*--arch',
        ),
        ({'mlp.weight': torch.zeros(8, 32)}, 'nothing', 'and nothing has None'),
        ({'mlp.weight': torch.zeros(32)}, None, r'has the shape \(32,\) for mlp\.weight'),
        (
            {'mlp.weight': torch.zeros(8, 32), 'mlp.bias': torch.zeros(8)},
            None,
            r'layout of Exp-CLIP: 1 only in the checkpoint: mlp\.bias',
        ),
    ],
)
def test_other_files_are_refused(named, state, arch, message):
    with pytest.raises(ValueError, match=message):
        convert(state, arch=arch, pretrained='never read')


def test_the_way_back_refuses_what_the_layout_has_no_place_for():
    meta = {'converted_from': 'Exp-CLIP'}
    matrix = {'cls_head.projection.weight': torch.zeros(8, 4)}
    for state, message in (
        ({**matrix, 'neck.extra': torch.zeros(1)}, r'no place in a published file: neck\.extra'),
        ({'a_fingerprint': torch.zeros(1)}, r'has no tensor mlp\.weight'),
    ):
        with pytest.raises(ValueError, match=message):
            convert_back({'state_dict': state, 'meta': meta})
