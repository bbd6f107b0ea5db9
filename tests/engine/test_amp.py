"""What ``--amp`` sets on each device."""

import pytest
from mmengine.config import Config

from dferclip_mm.engine import run


def config(**wrapper):
    optimizer = dict(type='SGD', lr=0.1)
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
def test_amp_uses_the_precision_of_the_device(monkeypatch, device, given, expected):
    monkeypatch.setattr(run, 'get_device', lambda: device)
    cfg = config(**given)
    run.enable_amp(cfg)
    found = cfg.optim_wrapper.to_dict()
    assert found.pop('optimizer')['type'] == 'SGD'
    assert found == dict(type='AmpOptimWrapper', **expected)
