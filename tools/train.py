"""Train a model: ``python tools/train.py CONFIG [options]``."""

from __future__ import annotations

import argparse
import os

from arguments import add_batch_size_option, add_data_options, add_run_arguments, run_program


def parse_arguments() -> argparse.Namespace:
    """The options of MMAction2's train.py, and those of the datasets."""
    parser = argparse.ArgumentParser(description='Train a recognizer.')
    add_run_arguments(parser)
    add_data_options(parser)
    add_batch_size_option(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='continue from a checkpoint; without a path, from the latest one in the work folder',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='automatic mixed precision: float16 on a GPU (optim_wrapper.dtype=bfloat16 for that), '
        'bfloat16 on the CPU',
    )
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rates by the batch size over auto_scale_lr.base_batch_size',
    )
    parser.add_argument('--seed', type=int, help="replaces the config's randomness.seed")
    parser.add_argument(
        '--diff-rank-seed', action='store_true', help='a different seed in each process'
    )
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic algorithms only; slower'
    )
    return parser.parse_args()


def main() -> None:
    """Merge the options into the config and train."""
    args = parse_arguments()

    from dferclip_mm.engine.checks.training import check_trainable
    from dferclip_mm.engine.options import (
        enable_amp,
        enable_resume,
        load_config,
        merge_batch_size,
    )
    from dferclip_mm.engine.run import (
        build_runner,
        destroy_process_group,
        find_data,
        friendly_errors,
    )

    if args.deterministic:
        # Without it, PyTorch refuses matrix products on a GPU.
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    with friendly_errors():
        cfg = load_config(
            args.config,
            args.cfg_options,
            data_root=args.data_root,
            fold=args.fold,
            work_dir=args.work_dir,
            launcher=args.launcher,
        )
        merge_batch_size(cfg, 'train', args.batch_size)
        if args.no_validate:
            cfg.merge_from_dict({'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None})
        if args.amp:
            enable_amp(cfg)
        if args.auto_scale_lr:
            cfg.merge_from_dict({'auto_scale_lr.enable': True})
        if args.resume is not None:
            enable_resume(cfg, args.resume)
        # None is MMEngine's: drawn, and logged.
        randomness = {'seed': None, **(cfg.get('randomness') or {})}
        if args.seed is not None:
            randomness['seed'] = args.seed
        for name in ('diff_rank_seed', 'deterministic'):
            randomness[name] = getattr(args, name) or randomness.get(name, False)
        cfg.randomness = randomness
        check_trainable(cfg)
        find_data(cfg, 'train', 'val')
        runner = build_runner(cfg)
        runner.train()
        destroy_process_group()


if __name__ == '__main__':
    run_program(main)
