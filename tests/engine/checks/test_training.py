"""A config that cannot train says why before anything is built."""

from pathlib import Path

import mmaction
import pytest
from mmengine.config import Config

from dferclip_mm.engine.checks.training import check_trainable

SHIPPED = Path(mmaction.__file__).parent / '.mim/configs/recognition'
HEAD = dict(type='TextPromptHead', classes='dfew', text_encoder=dict(type='CLIPTextEncoder'))


def config():
    wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
    cfg = dict(train_cfg=dict(max_epochs=1), train_dataloader={}, optim_wrapper=wrapper)
    return Config(dict(cfg, model=dict(cls_head=HEAD)))


def test_a_config_for_testing_only_is_named_as_such():
    name = 'uniformer/uniformer-base_imagenet1k-pre_16x4x1_kinetics400-rgb'
    with pytest.raises(ValueError, match='for testing only: it has no train_cfg, train_dataload'):
        check_trainable(Config.fromfile(SHIPPED / f'{name}.py'))


@pytest.mark.parametrize(
    ('key', 'value'),
    [('max_epochs', 0), ('max_iters', -1), ('max_epochs', 1.5), ('val_interval', 0)],
)
def test_a_training_of_no_length_is_refused(key, value):
    cfg = config()
    cfg.train_cfg = {key: value}
    with pytest.raises(ValueError, match=rf'train_cfg\.{key}: .* from 1 on, found {value}'):
        check_trainable(cfg)
    check_trainable(config())


def test_tsms_optimizer_is_refused_with_a_text_head_and_only_there():
    cfg = Config.fromfile(
        SHIPPED / 'tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py'
    )
    check_trainable(cfg)
    cfg.model.cls_head = HEAD
    said = 'not TextPromptHead: set optim_wrapper.constructor=DefaultOptimWrapperConstructor'
    with pytest.raises(ValueError, match=said):
        check_trainable(cfg)
    cfg.model.update(cls_head=dict(type='I3DHead'), neck=dict(type='TemporalTransformer'))
    with pytest.raises(ValueError, match='not TemporalTransformer: set optim_wrapper'):
        check_trainable(cfg)
    cfg.optim_wrapper.constructor = 'DefaultOptimWrapperConstructor'
    check_trainable(cfg)
