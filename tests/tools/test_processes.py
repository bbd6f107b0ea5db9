"""One training is the same on one process, two processes, two machines, and sharded (FSDP)."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from lengths import only_long
from mini_corpora import write_dfew
from mmengine.config import Config
from processes import in_processes
from small_parts import recorded_steps
from small_runs import count_iterations, finish, launch, run_tool, small_config, start, write_model

from dferclip_mm.engine.options import enable_resume, load_config

BATCH = ('--cfg-options', 'train_dataloader.batch_size=4')


def write_config(name: str, work_dir: Path, iterations: int) -> Config:
    """A config as ``small.py``, with first weights in ``start.pth``."""
    write_dfew(work_dir / 'DFEW', num_frames=5)
    cfg = small_config(name, work_dir)
    count_iterations(cfg, iterations)
    torch.manual_seed(3)
    cfg.load_from = write_model(cfg.model, 'start.pth')
    cfg.default_hooks.pop('load_pretrained', None)
    cfg.custom_hooks = [
        *(hook for hook in cfg.get('custom_hooks', []) if hook.type != 'LoadPretrainedHook'),
        dict(type='RecordSteps'),
    ]
    cfg.custom_imports = dict(imports=['dferclip_mm', 'small_parts'], allow_failed_imports=False)
    return cfg


def check_equal_steps(found: str, expected: str, rel: float) -> None:
    losses, clips = recorded_steps(found)
    expected_losses, expected_clips = recorded_steps(expected)
    steps = len(losses)
    assert steps > 1
    assert clips == expected_clips[-steps:]
    assert losses == pytest.approx(expected_losses[-steps:], rel=rel)


@only_long
def test_two_machines_train_what_one_process_trains(work_dir: Path) -> None:
    """A video Transformer of MMAction2 in a stock recognizer."""
    write_config('dferclip_videomae_dfew', work_dir, 4).dump('small.py')
    run_tool('train', 'small.py', '--work-dir', 'one', *BATCH)
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    nodes = dict(NNODES='2', MASTER_ADDR='127.0.0.1', PORT=port)
    started = [launch('small.py', 1, '--work-dir', 'two', NODE_RANK=rank, **nodes) for rank in '01']
    for process in started:
        code, output = finish(process)
        assert code == 0, output[-3000:]
    check_equal_steps('two', 'one', rel=1e-4)


def check_close_weights(found: str, expected: str) -> None:
    one, other = (torch.load(path, weights_only=True)['state_dict'] for path in (found, expected))
    assert one.keys() == other.keys()
    for key, value in other.items():
        torch.testing.assert_close(one[key], value, rtol=1e-3, atol=1e-4)


def train_sharded(rank: int, options: list[str]) -> None:
    """One process of a run, which resumes where it can."""
    os.environ['LOCAL_RANK'] = str(rank)
    cfg = load_config('small.py', options, work_dir='sharded', launcher='pytorch')
    enable_resume(cfg, 'auto')
    start(cfg).train()


def test_sharded_training_is_the_same_training_and_resumes(work_dir: Path) -> None:
    cfg = write_config('dferclip_dfew_fsdp_vit-l-14', work_dir, 3)
    # A block of the small tower is a shard, as a block of ViT-L is.
    cfg.strategy.model_wrapper.device_id = 'cpu'
    cfg.strategy.model_wrapper.auto_wrap_policy.min_num_params = 4 * 10**4
    cfg.dump('small.py')
    longer = ('train_cfg.max_iters=5', 'train_cfg.val_interval=5')
    single = ('runner_type=Runner', 'default_hooks.checkpoint.max_keep_ckpts=-1')
    options = (*BATCH, *single, *longer, 'default_hooks.checkpoint.interval=1')
    run_tool('train', 'small.py', '--work-dir', 'single', *options)

    in_processes(train_sharded, [], fork=True)
    check_close_weights('sharded/iter_3.pth', 'single/iter_3.pth')
    arguments = ('--work-dir', 'test', '--cfg-options', 'runner_type=Runner')
    run_tool('test', 'small.py', 'sharded/iter_3.pth', *arguments)

    in_processes(train_sharded, [*longer, 'optim_wrapper.optimizer.lr=0.5'], fork=True)
    check_equal_steps('sharded', 'single', rel=1e-3)
    # The momentum and the learning rate were resumed as well.
    check_close_weights('sharded/iter_5.pth', 'single/iter_5.pth')
    log = max(Path('sharded').glob('*/*.log'), key=lambda path: path.stat().st_mtime)
    said = 'The checkpoint decides: optim_wrapper.optimizer.lr (0.01, not 0.5)'
    assert said in log.read_text()
