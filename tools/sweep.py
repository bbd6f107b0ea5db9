"""Train and test a small grid of settings: ``python tools/sweep.py CONFIG key=a,b,c ...``.

Every combination is trained and tested in a folder of its own, and all are compared with the first.
The same command, started again, skips finished runs and resumes an interrupted one. After Ctrl-C,
SIGTERM or SIGUSR1, which the current run gets as well, the exit code is 75.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import add_batch_size_option, add_cfg_options, add_data_options, run_program, setting

if TYPE_CHECKING:
    from dferclip_mm.engine.sweep import Combination

TOOLS = Path(__file__).resolve().parent


def parse_arguments() -> argparse.Namespace:
    """Config, grid, seeds, and how to run them."""
    parser = argparse.ArgumentParser(description='Train and test a grid of settings, and compare.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'grid',
        nargs='+',
        type=setting,
        metavar='KEY=A,B',
        help='values of a setting, with dots between levels; every combination is run',
    )
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[], metavar='N', help='runs of each combination'
    )
    parser.add_argument(
        '--work-dir', type=Path, help="parent of the runs' folders; work_dirs/<config>_sweep"
    )
    parser.add_argument('--gpus', type=int, default=1, help='processes per run')
    add_data_options(parser)
    add_batch_size_option(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.work_dir is None:
        args.work_dir = Path('work_dirs') / f'{Path(args.config).stem}_sweep'
    return args


def run_all(args: argparse.Namespace) -> None:
    """Check all runs, train and test them in order; the table comes in any case."""
    from dferclip_mm.engine.cross_validation import Programs, check_runs, train_and_test
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.sweep import find_combinations

    cfg = load_config(args.config, args.cfg_options, data_root=args.data_root)
    programs = Programs(
        TOOLS, args.config, args.gpus, args.data_root, args.batch_size, args.cfg_options
    )
    combinations = find_combinations(args.grid, args.work_dir, args.seeds, args.fold)
    runs = [run for one in combinations for run in one.runs]
    for run in runs:
        check_runs(cfg, [run])
    try:
        for number, run in enumerate(runs, 1):
            print(f'run {number} of {len(runs)}')
            train_and_test(run, programs, cfg)
    finally:
        compare_ended(combinations)


def compare_ended(combinations: list[Combination]) -> None:
    """Print the table of the combinations whose runs have all ended, and how to get it again."""
    from dferclip_mm.evaluation.compare import Run, compare
    from dferclip_mm.evaluation.results import find_results, read_results
    from dferclip_mm.evaluation.tables import render

    ended = [one for one in combinations if all(run.results.is_file() for run in one.runs)]
    if not ended:
        return
    if len(ended) < len(combinations):
        print(f'{len(ended)} of {len(combinations)} combinations have ended:')
    # Of these runs alone: the folders may hold others, of earlier calls with other seeds.
    files = {one.folder: [run.results for run in one.runs] for one in ended}
    runs = [Run(one.name, tuple(map(read_results, files[one.folder]))) for one in ended]
    print(render(runs, compare(runs), 'text'))
    if all({*find_results(folder)} == {*paths} for folder, paths in files.items()):
        folders = ' '.join(map(str, files))
        print(f'\nin other forms: tools/compare.py {folders} --format latex')
    else:
        print('\nthe folders also hold runs of earlier calls, which are not in the table')


def main() -> None:
    """Run the grid."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        run_all(args)


if __name__ == '__main__':
    run_program(main)
