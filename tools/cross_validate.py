"""Train and evaluate every fold of a protocol: ``python tools/cross_validate.py CONFIG``.

With ``--leave-one-class-out`` there is one run per class instead: trained without the class, tested
on its clips only. Each run has its own folder, with all output of its programs. The same command,
started again, skips finished runs and resumes an interrupted one. After Ctrl-C, SIGTERM or SIGUSR1,
which the current run gets as well, the exit code is 75.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_batch_size_option, add_cfg_options, add_data_root_option, run_program

if TYPE_CHECKING:
    from mmengine.config import Config

    from dferclip_mm.engine.cross_validation import Run
    from dferclip_mm.evaluation.results import Results

TOOLS = Path(__file__).resolve().parent


def parse_arguments() -> argparse.Namespace:
    """Config, folds or classes, and how to run them."""
    parser = argparse.ArgumentParser(description='Cross-validate a recognizer.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--folds',
        type=int,
        nargs='+',
        metavar='N',
        help='folds to run, all by default; one fold with --leave-one-class-out',
    )
    parser.add_argument(
        '--leave-one-class-out',
        nargs='*',
        metavar='CLASS',
        help='one run per class, or per class named here: trained without its clips, tested on '
        'them only',
    )
    parser.add_argument(
        '--work-dir', type=Path, help="parent of the runs' folders; work_dirs/<config>_folds"
    )
    parser.add_argument('--gpus', type=int, default=1, help='processes per run')
    add_data_root_option(parser)
    add_batch_size_option(parser)
    add_cfg_options(parser)
    args = parser.parse_args()
    if args.leave_one_class_out is not None and len(args.folds or ()) > 1:
        parser.error('--leave-one-class-out runs on one fold: name one in --folds')
    if args.work_dir is None:
        kind = 'folds' if args.leave_one_class_out is None else 'unseen_classes'
        args.work_dir = Path('work_dirs') / f'{Path(args.config).stem}_{kind}'
    return args


def find_runs(args: argparse.Namespace, cfg: Config) -> list[Run]:
    """One run for each fold, or for each class that is left out."""
    from dferclip_mm.emotions import resolve_classes
    from dferclip_mm.engine.cross_validation import Run, find_folds, settings_without

    folds = find_folds(cfg)
    # A config whose dataset has a single fold takes no --fold.
    chosen = args.folds or (folds if len(folds) > 1 else [None])
    if args.leave_one_class_out is None:
        return [
            Run(f'fold {fold or 1}', args.work_dir / f'fold_{fold or 1}', fold) for fold in chosen
        ]
    fold = args.folds[0] if args.folds else None
    return [
        Run(f'without {name}', args.work_dir / f'without_{name}', fold, settings_without(name))
        for name in args.leave_one_class_out
        or resolve_classes(cfg.model.cls_head.get('classes', ()))
    ]


def run_all(args: argparse.Namespace, cfg: Config) -> None:
    """Train and evaluate the runs in order; the table of those that ended comes in any case."""
    from dferclip_mm.engine.cross_validation import Programs, check_runs, train_and_test
    from dferclip_mm.evaluation.results import read_results

    programs = Programs(
        TOOLS, args.config, args.gpus, args.data_root, args.batch_size, args.cfg_options
    )
    runs = find_runs(args, cfg)
    try:
        check_runs(cfg, runs)
        for run in runs:
            train_and_test(run, programs, cfg)
            _, *scores, clips = row_of(run, read_results(run.results)).items()
            told = ', '.join(f'{name} {value:.2f}' for name, value in scores)
            print(f'{run.name}: {told}, clips {clips[1]}')
    finally:
        ended = [(run, read_results(run.results)) for run in runs if run.results.is_file()]
        if 0 < len(ended) < len(runs):
            print(f'{len(ended)} of {len(runs)} runs have ended:')
        if ended:
            report(args.work_dir, ended)


def row_of(run: Run, results: Results) -> dict[str, Any]:
    """The row of a run: scores in percent, and the number of clips.

    UAR is left out for an unseen class: it would be that of a single class.
    """
    from dferclip_mm.evaluation.measures import recall, uar, war

    counts, clips = results.counts, len(results.truth)
    if run.settings:
        name = run.name.removeprefix('without ')
        found = float(recall(counts)[results.classes.index(name)])
        return {'unseen class': name, 'recall': found, 'clips': clips}
    fold = run.name.removeprefix('fold ')
    return {'fold': fold, 'UAR': float(uar(counts)), 'WAR': float(war(counts)), 'clips': clips}


def report(folder: Path, ended: Sequence[tuple[Run, Results]]) -> None:
    """Print the table of the runs that ended, and write it as JSON and CSV."""
    import pandas as pd

    from dferclip_mm.evaluation.plots import confusion_figure
    from dferclip_mm.evaluation.results import format_scores, pool_results
    from dferclip_mm.files import atomic_write, write_json

    rows = [row_of(run, results) for run, results in ended]
    if 'fold' in rows[0]:
        scores = pd.DataFrame(rows)[['UAR', 'WAR']]
        rows.append({'fold': 'mean', **scores.mean()})
        if len(scores) > 1:
            rows.append({'fold': 'std', **scores.std()})
        pooled = pool_results([results for _, results in ended])
        rows.append({**row_of(ended[0][0], pooled), 'fold': 'all clips'})
    table = pd.DataFrame(rows, dtype=object)
    print(table.to_string(index=False, na_rep='', float_format='{:.2f}'.format))
    atomic_write(folder / 'cross_validation.csv', table.to_csv(index=False))
    write_json(folder / 'cross_validation.json', {'rows': rows})
    print(f'\nthis table: {folder}/cross_validation.csv and .json')
    if 'fold' in rows[0]:
        print(f'\nall clips together:\n{format_scores(pooled)}')
        picture = folder / 'confusion_matrix.png'
        confusion_figure(pooled.confusion, pooled.classes).savefig(picture, dpi=120)
        print(f'pooled confusion matrix: {picture}')


def main() -> None:
    """Cross-validate, over folds or over classes."""
    args = parse_arguments()

    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        run_all(args, load_config(args.config, args.cfg_options, data_root=args.data_root))


if __name__ == '__main__':
    run_program(main)
