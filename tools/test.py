"""Evaluate a checkpoint: ``python tools/test.py CONFIG [CHECKPOINT] [options]``.

Without CHECKPOINT the pretrained weights that the config names are evaluated, such as CLIP's.
"""

from __future__ import annotations

import argparse
import os

from arguments import add_batch_size_option, add_data_options, add_run_arguments, run_program


def parse_arguments() -> argparse.Namespace:
    """The options of MMAction2's test.py, and those of the datasets."""
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint of a recognizer.')
    add_run_arguments(parser)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file or URL; without it, the pretrained weights are evaluated',
    )
    add_data_options(parser)
    add_batch_size_option(parser)
    parser.add_argument(
        '--abstain',
        action='store_true',
        help='report also which share of the clips is answered, and how many of these answers are '
        'wrong, above the score that calibrate.py chose for its --error-rate',
    )
    parser.add_argument('--dump', help="write MMEngine's pickle of all predictions (.pkl)")
    args = parser.parse_args()
    if args.checkpoint == 'none':
        parser.error('no checkpoint "none": leave CHECKPOINT out to evaluate pretrained weights')
    if args.dump is not None and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump writes a pickle: expected a name that ends in .pkl, got {args.dump}')
    return args


def main() -> None:
    """Load the checkpoint strictly and run the test loop."""
    args = parse_arguments()

    from dferclip_mm.engine.calibration import abstain, use_calibration
    from dferclip_mm.engine.lookup import list_metrics
    from dferclip_mm.engine.options import load_config, merge_batch_size
    from dferclip_mm.engine.run import (
        build_runner,
        destroy_process_group,
        find_data,
        friendly_errors,
    )

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
        merge_batch_size(cfg, 'test', args.batch_size)
        cfg.load_from = args.checkpoint
        cfg.resume = False
        if args.dump is not None:
            metrics = list_metrics(cfg.test_evaluator)
            cfg.test_evaluator = [*metrics, {'type': 'DumpResults', 'out_file_path': args.dump}]
        find_data(cfg, 'test')
        calibration = use_calibration(cfg, args.checkpoint, 'test')
        if args.abstain:
            abstain(cfg, calibration)
        runner = build_runner(cfg)
        if args.checkpoint is None:
            runner.logger.info(
                'no checkpoint given: evaluating the pretrained weights that the config names; '
                'all other weights are untrained'
            )
        runner.test()
        destroy_process_group()


if __name__ == '__main__':
    run_program(main)
