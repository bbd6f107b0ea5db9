"""Each remedy for the config of a run acts where its bug is, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from dferclip_mm.engine import remedies


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No GPU, and a record of the process groups that were made instead of making them."""
    made: list[str] = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: bool(made))
    monkeypatch.setattr(
        torch.distributed, 'init_process_group', lambda backend, **options: made.append(backend)
    )
    return made


def test_cpu_processes_meet_over_gloo_without_device_ids(on_the_cpu: list[str]) -> None:
    cfg = Config({'find_unused_parameters': True})
    remedies.prepare_cpu_processes(cfg, 'pytorch')
    remedies.prepare_cpu_processes(cfg, 'pytorch')
    assert on_the_cpu == ['gloo']
    default = {'type': 'MMDistributedDataParallel', 'broadcast_buffers': False}
    found = cfg.model_wrapper_cfg
    assert found == {**default, 'find_unused_parameters': True, 'device_ids': None}
    cfg = Config({'model_wrapper_cfg': {'type': 'Own', 'static_graph': True}})
    remedies.prepare_cpu_processes(cfg, 'pytorch')
    assert cfg.model_wrapper_cfg == {'type': 'Own', 'static_graph': True, 'device_ids': None}


def test_other_launchers_and_gpus_are_left_as_they_are(
    on_the_cpu: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = Config({})
    remedies.prepare_cpu_processes(cfg, 'slurm')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    remedies.prepare_cpu_processes(cfg, 'pytorch')
    assert (on_the_cpu, cfg.to_dict()) == ([], {})
