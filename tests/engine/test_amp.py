"""`--amp` and fused optimisers: what a config becomes on each device."""

import pytest
from mmengine.config import Config

from dferclip_mm import compat
from dferclip_mm.engine import run


def config(**wrapper):
    optimizer = dict(type='SGD', lr=0.1, fused=True)
    return Config(dict(optim_wrapper=dict(type='OptimWrapper', optimizer=optimizer, **wrapper)))


@pytest.mark.parametrize(
    ('device', 'given', 'expected'),
    [
        ('cuda', {}, dict(loss_scale='dynamic')),
        ('cuda', dict(dtype='bfloat16'), dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
        ('cuda', dict(loss_scale=512.0), dict(loss_scale=512.0)),
        ('cpu', {}, dict(dtype='bfloat16', loss_scale=dict(enabled=False))),
    ],
)
def test_each_device_has_its_precision(monkeypatch, device, given, expected):
    monkeypatch.setattr(run, 'get_device', lambda: device)
    cfg = config(**given)
    run.enable_amp(cfg)
    found = cfg.optim_wrapper.to_dict()
    assert found.pop('optimizer')['type'] == 'SGD'
    assert found == dict(type='AmpOptimWrapper', **expected)


@pytest.mark.parametrize('device', ['cuda', 'cpu', 'mlu'])
def test_a_device_without_fused_steps_takes_the_default_one(monkeypatch, device, capsys):
    monkeypatch.setattr(compat, 'get_device', lambda: device)
    cfg = config()
    compat.leave_fused_out_without_kernels(cfg)
    left_out = device == 'mlu'
    assert ('fused' not in cfg.optim_wrapper.optimizer) is left_out
    assert ('no fused optimiser step on mlu' in capsys.readouterr().out) is left_out


def test_evaluation_alone_has_no_optimiser():
    compat.leave_fused_out_without_kernels(Config(dict(optim_wrapper=None)))
