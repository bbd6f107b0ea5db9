"""Remedies for bugs of MMEngine that concern the config of a run; others are in ``compat.py``."""

from __future__ import annotations

from datetime import timedelta

import torch
import torch.distributed
from mmengine.config import Config


def prepare_cpu_processes(cfg: Config, launcher: str) -> None:
    """Let MMEngine run several processes on a machine without a GPU, from the same config.

    Cause: ``mmengine.dist`` calls ``torch.cuda.set_device`` whatever the backend, and the runner
    always passes DistributedDataParallel ``device_ids``, which modules on the CPU refuse. MMEngine
    keeps an existing process group, so the group is made here first.
    Remove when ``init_dist(backend='gloo')`` and the runner do this themselves.

    Only the launcher ``'pytorch'`` (torchrun) is touched; ``model_wrapper_cfg`` is set in place.
    """
    if launcher != 'pytorch' or torch.cuda.is_available():
        return
    if not torch.distributed.is_initialized():
        # Seconds, as MMEngine's own init_dist takes them.
        seconds = (cfg.get('env_cfg', {}).get('dist_cfg') or {}).get('timeout')
        limit = None if seconds is None else timedelta(seconds=seconds)
        torch.distributed.init_process_group('gloo', timeout=limit)
    # What the runner would use without a model_wrapper_cfg, which hides find_unused_parameters.
    wrapper = cfg.get('model_wrapper_cfg') or {
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    cfg.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        **wrapper,
        'device_ids': None,
    }


def without_code_layout(cfg: Config) -> Config:
    """The same config, whose text is written without a run of yapf.

    Cause: MMEngine lays out the text of a config for every checkpoint and several times at the
    start of a run, 0.05 s and more each. ``Config.fromfile`` ignores its
    ``format_python_code=False``, which only the constructor obeys.
    Remove when ``Config.fromfile`` passes it on.
    """
    return Config(
        dict(cfg.items()),
        cfg_text=cfg.text,
        filename=cfg.filename,
        env_variables=cfg.env_variables,
        format_python_code=False,
    )
