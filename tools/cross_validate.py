"""Train and evaluate every fold of a protocol: ``python tools/cross_validate.py CONFIG``.

With ``--leave-one-class-out`` there is one run per class instead: trained without the class, tested
on its clips only. Each run has its own folder. The same command, started again, skips finished runs
and resumes an interrupted one. SIGTERM and SIGUSR1 are forwarded to the current run, which saves;
the exit code is then 75.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import add_batch_size_option, add_cfg_options, add_data_root_option

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


def read_config(args: argparse.Namespace) -> Config:
    """The config with ``--cfg-options`` and ``--data-root`` merged."""
    from dferclip_mm.engine.options import load_config, merge_data_options

    cfg = load_config(args.config, args.cfg_options)
    merge_data_options(cfg, args.data_root)
    return cfg


def run_all(args: argparse.Namespace, cfg: Config, runs: list[Run]) -> list[Results]:
    """Train and evaluate the runs in order."""
    from dferclip_mm.engine.cross_validation import Programs, train_and_test
    from dferclip_mm.evaluation.results import read_results

    batch = [] if args.batch_size is None else ['--batch-size', str(args.batch_size)]
    programs = Programs(TOOLS, args.config, args.gpus, batch)
    return [read_results(train_and_test(run, programs, cfg)) for run in runs]


def cross_validate(args: argparse.Namespace) -> None:
    """Run the folds and print the summary."""
    from dferclip_mm.engine.cross_validation import Run, find_folds
    from dferclip_mm.evaluation.plots import confusion_figure
    from dferclip_mm.evaluation.results import pool_results

    cfg = read_config(args)
    folds = find_folds(cfg, args.folds)
    has_folds = len(find_folds(cfg, None)) > 1
    runs = [
        Run(
            f'fold {fold}',
            args.work_dir / f'fold_{fold}',
            [*data_root_option(args), *(['--fold', str(fold)] if has_folds else [])],
            args.cfg_options,
        )
        for fold in folds
    ]
    results = dict(zip(folds, run_all(args, cfg, runs), strict=True))
    print(summarize(results))
    pooled = pool_results([*results.values()])
    picture = args.work_dir / 'confusion_matrix.png'
    confusion_figure(pooled.scores.confusion, pooled.classes).savefig(picture, dpi=120)
    print(f'pooled confusion matrix: {picture}')


def leave_one_class_out(args: argparse.Namespace) -> None:
    """Run without each class and print how well it is recognised."""
    from dferclip_mm.engine.cross_validation import Run, find_classes, settings_without

    cfg = read_config(args)
    names = find_classes(cfg, args.leave_one_class_out)
    fold = ['--fold', str(args.folds[0])] if args.folds else []
    runs = [
        Run(
            f'without {name}',
            args.work_dir / f'without_{name}',
            [*data_root_option(args), *fold],
            [*args.cfg_options, *settings_without(name)],
        )
        for name in names
    ]
    print(summarize_unseen(dict(zip(names, run_all(args, cfg, runs), strict=True))))


def data_root_option(args: argparse.Namespace) -> list[str]:
    """``--data-root`` for the runs' programs."""
    return [] if args.data_root is None else ['--data-root', args.data_root]


def summarize(folds: dict[int, Results]) -> str:
    """Scores of each fold, mean and standard deviation (n - 1), and the clips of all folds."""
    import numpy as np

    from dferclip_mm.evaluation.results import format_scores, pool_results

    lines = [f'{"fold":>6}  {"UAR":>6}  {"WAR":>6}  clips']
    scores = {fold: results.scores for fold, results in folds.items()}
    for fold, results in folds.items():
        lines.append(
            f'{fold:6d}  {scores[fold].uar:6.2f}  {scores[fold].war:6.2f}  {len(results.truth):5d}'
        )
    values = np.array([(each.uar, each.war) for each in scores.values()])
    lines.append(f'{"mean":>6}  {values[:, 0].mean():6.2f}  {values[:, 1].mean():6.2f}')
    if len(folds) > 1:
        spread = values.std(axis=0, ddof=1)
        lines.append(f'{"std":>6}  {spread[0]:6.2f}  {spread[1]:6.2f}')
    pooled = format_scores(pool_results([*folds.values()]))
    return '\n'.join([*lines, '', 'all clips together:', pooled])


def summarize_unseen(runs: dict[str, Results]) -> str:
    """The recall of each unseen class. UAR is left out: it would be that of a single class."""
    title = 'unseen class'
    width = max(map(len, [title, *runs]))
    lines = [f'{title:{width}}  recall  clips']
    for name, results in runs.items():
        recall = results.scores.recall[results.classes.index(name)]
        lines.append(f'{name:{width}}  {recall:6.2f}  {len(results.truth):5d}')
    return '\n'.join(lines)


def main() -> None:
    """Cross-validate, over folds or over classes."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        if args.leave_one_class_out is None:
            cross_validate(args)
        else:
            leave_one_class_out(args)


if __name__ == '__main__':
    main()
