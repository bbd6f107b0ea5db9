"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT [options]``."""

from __future__ import annotations

import argparse

from dferclip_mm.engine.run import (
    add_common_arguments,
    build_runner,
    destroy_process_group,
    friendly_errors,
    load_config,
    set_local_rank,
)


def parse_arguments() -> argparse.Namespace:
    """The options of MMAction2's own test.py that evaluate."""
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint of a recognizer.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint',
        help="checkpoint file or URL; 'none' for a model that is evaluated as it is built, such "
        'as plain CLIP',
    )
    add_common_arguments(parser)
    parser.add_argument('--dump', help="write the host's pickle of all predictions (.pkl)")
    args = parser.parse_args()
    if args.dump is not None and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes a pickle: expected a name that ends in .pkl, got {args.dump}')
    return args


def main() -> None:
    """Load the checkpoint strictly and run the test loop."""
    args = parse_arguments()
    set_local_rank(args.local_rank)
    with friendly_errors():
        cfg = load_config(
            args.config, args.cfg_options, work_dir=args.work_dir, launcher=args.launcher
        )
        cfg.load_from = None if args.checkpoint == 'none' else args.checkpoint
        cfg.resume = False
        if args.dump is not None:
            metrics = cfg.test_evaluator
            metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
            cfg.test_evaluator = [*metrics, {'type': 'DumpResults', 'out_file_path': args.dump}]
        build_runner(cfg).test()
        destroy_process_group()


if __name__ == '__main__':
    main()
