"""Misspelt config keys are refused where MMEngine would ignore them; other keys pass."""

import re
from pathlib import Path
from types import SimpleNamespace

import mmaction
import pytest
from lengths import LONG
from mmengine.config import Config
from mmengine.hooks import CheckpointHook

from dferclip_mm.engine.checks.arguments import check_arguments
from dferclip_mm.engine.checks.config_keys import (
    check_config_keys,
    check_save_best,
)

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'


@pytest.fixture
def cfg():
    return Config.fromfile(CONFIGS / 'dferclip_dfew.py')


@pytest.mark.promise(
    'Settings and numbers', 'A misspelt config key is refused with the right suggestion'
)
@pytest.mark.parametrize(
    ('key', 'meant'),
    [
        ('optim_wraper', 'optim_wrapper'),
        ('load_form', 'load_from'),
        ('Load_From', 'load_from'),
        ('train_cfg.max_epoch', 'max_epochs'),
        ('optim_wrapper.clip_grads', 'clip_grad'),
        ('default_hooks.checkpont', 'checkpoint'),
        ('env_cfg.dist_cgf', 'dist_cfg'),
        ('auto_scale_lr.base_batchsize', 'base_batch_size'),
        ('train_dataloader.batchsize', 'batch_size'),
        ('optim_wrapper.paramwise_cfg.custom_key', 'custom_keys'),
        ('optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mul', 'lr_mult'),
    ],
)
def test_a_misspelt_key_is_refused_with_its_location_and_a_suggestion(cfg, key, meant):
    cfg.merge_from_dict({key: {}})
    found = key.rpartition('.')[2]
    said = f"config: {key}: '{found}' is unknown, did you mean '{meant}'? (if"
    with pytest.raises(ValueError, match=re.escape(said)):
        check_config_keys(cfg)


def test_what_another_optimizer_wrapper_takes_is_known(cfg):
    cfg.optim_wrapper.update(type='ApexOptimWrapper', min_loss_scale=1.0)
    check_config_keys(cfg)


@pytest.mark.promise('Settings and numbers', "MMAction2's own configs are accepted")
def test_mmaction2s_own_configs_pass():
    theirs = sorted((Path(mmaction.__file__).parent / '.mim/configs').rglob('*.py'))
    theirs = [path for path in theirs if '_base_' not in path.parts]
    assert len(theirs) > 200
    for path in theirs if LONG else theirs[::12]:
        cfg = Config.fromfile(path)
        check_config_keys(cfg)
        check_arguments(cfg)


def metric(prefix='dfer', logged=('WAR', 'UAR', 'recall/fear', 'part/*')):
    return SimpleNamespace(prefix=prefix, dataset_meta=None, reports=lambda *_: logged)


def writer(*names, rule='greater'):
    return CheckpointHook(save_best=[*names], rule=rule)


def test_only_what_a_metric_logs_may_be_best():
    check_save_best(writer('dfer/WAR', 'dfer/recall/fear', 'dfer/part/1'), [metric()])
    # A metric that does not list its names may log any.
    check_save_best(writer('acc/top1'), [metric(), SimpleNamespace()])
    for name in ('dfer/uar', 'WAR', 'dfer/recall/faer'):
        said = f"save_best: no metric logs '{name}', expected one of dfer/WAR, dfer/UAR, dfer/rec"
        with pytest.raises(ValueError, match=said):
            check_save_best(writer('dfer/WAR', name), [metric()])


def test_auto_needs_a_rule_for_our_scores():
    with pytest.raises(ValueError, match=r"'auto' cannot tell .* one of dfer/WAR.* and rule to"):
        check_save_best(writer('auto', rule=None), [metric()])
    check_save_best(writer('auto'), [metric()])
    check_save_best(writer('auto', rule=None), [SimpleNamespace(), metric()])
