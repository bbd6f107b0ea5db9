import pytest
import torch
from mmengine.config import Config

from dferclip_mm.engine.model import load_model


def test_the_checkpoint_is_loaded_strictly(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    cfg = Config(dict(model=tiny_model))
    first = load_model(cfg, 'none')
    torch.save({'state_dict': first.state_dict()}, tmp_path / 'first.pth')
    second = load_model(cfg, '~/first.pth')
    assert not second.training
    for name, value in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name
    state = first.state_dict()
    state.pop('neck.cls_token')
    torch.save({'state_dict': state}, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'part\.pth does not fit .* only in the model: neck'):
        load_model(cfg, str(tmp_path / 'part.pth'))
    with pytest.raises(FileNotFoundError, match='no checkpoint at'):
        load_model(cfg, str(tmp_path / 'other.pth'))


def test_a_prior_without_the_training_clips_is_explained(tiny_model):
    tiny_model['cls_head'].update(prior_adjustment=1.0)
    clips = dict(type='DFEWDataset', data_root='no/such/folder', pipeline=[])
    cfg = Config(dict(model=tiny_model, train_dataloader=dict(dataset=clips)))
    said = r'set model\.cls_head\.class_counts to their numbers, since .*no/such/folder'
    with pytest.raises(ValueError, match=said):
        load_model(cfg, 'none')
