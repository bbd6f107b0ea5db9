"""Train and evaluate every fold of a protocol: ``python tools/cross_validate.py CONFIG``.

With ``--leave-one-class-out`` a run for each class instead: trained without the class, tested on
its clips alone. Each run has a folder of its own. Started again, the same command passes over
finished runs and resumes the one that was interrupted. SIGTERM and SIGUSR1 are handed on to the
run, which saves; it ends with exit code 75 then.
"""

from __future__ import annotations

import argparse
import difflib
import glob
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmaction.registry import DATASETS
from mmengine.config import Config, DictAction

from dferclip_mm.emotions import resolve_classes
from dferclip_mm.engine.hooks.preemption_hook import EXIT_CODE, SIGNALS
from dferclip_mm.engine.run import friendly_errors, load_config
from dferclip_mm.evaluation.plots import confusion_figure
from dferclip_mm.evaluation.results import Results, format_scores, pool_results, read_results

TOOLS = Path(__file__).resolve().parent


def parse_arguments() -> argparse.Namespace:
    """Config, folds, and where and how to run them."""
    parser = argparse.ArgumentParser(description='Cross-validate a recognizer.')
    parser.add_argument('config', help='config whose datasets have an argument `fold`')
    parser.add_argument('--folds', type=int, nargs='+', help='all folds of the data set')
    parser.add_argument(
        '--leave-one-class-out',
        nargs='*',
        metavar='CLASS',
        help='instead of folds, a run for each class, or for each of these: trained without its '
        'clips, tested on them alone (the fold is a setting of the config)',
    )
    parser.add_argument(
        '--work-dir', type=Path, help="parent of the runs' folders; work_dirs/<config>_folds"
    )
    parser.add_argument('--gpus', type=int, default=1, help='processes for each run')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], help='settings for every run, as train.py has them'
    )
    args = parser.parse_args()
    if args.work_dir is None:
        kind = 'folds' if args.leave_one_class_out is None else 'unseen_classes'
        args.work_dir = Path('work_dirs') / f'{Path(args.config).stem}_{kind}'
    return args


def options_of_fold(fold: int) -> list[str]:
    """The settings of one fold."""
    return [f'{part}_dataloader.dataset.fold={fold}' for part in ('train', 'val', 'test')]


def options_without(name: str) -> list[str]:
    """The settings of a run that never sees a class before it is tested on it.

    The checkpoint is chosen by the other classes, too: chosen by its own recall, one that always
    answers the unseen class would win.
    """
    of_others = [
        f'{part}_dataloader.dataset.exclude_classes=["{name}"]' for part in ('train', 'val')
    ]
    return [*of_others, f'test_dataloader.dataset.include_classes=["{name}"]']


def read_config(config: str, options: list[str]) -> Config:
    """The config with ``--cfg-options`` in place."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='*', action=DictAction)
    return load_config(config, parser.parse_args(['--cfg-options', *options]).cfg_options)


def folds_to_run(cfg: Config, chosen: Sequence[int] | None) -> list[int]:
    """The chosen folds, or all that the data set has.

    Raises:
        SystemExit: when the data set has no such fold.
    """
    kind = DATASETS.get(cfg.test_dataloader.dataset.type)
    every = range(1, getattr(kind, 'FOLDS', 5) + 1)
    wrong = [fold for fold in chosen or () if fold not in every]
    if wrong:
        known = ', '.join(map(str, every))
        raise SystemExit(f'error: --folds: {kind.__name__} has no fold {wrong[0]}, but {known}')
    return list(chosen or every)


def classes_to_leave_out(cfg: Config, chosen: Sequence[str]) -> list[str]:
    """The chosen classes of a config's head, or all.

    Raises:
        SystemExit: when the config names no classes, or a chosen one is none of them.
    """
    classes = cfg.model.cls_head.get('classes')
    if not classes:
        raise SystemExit('error: the config has no model.cls_head.classes to leave out')
    names = resolve_classes(classes)
    for name in chosen:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f'; did you mean {close[0]!r}?' if close else ''
            raise SystemExit(
                f'error: --leave-one-class-out: {name!r} is none of {", ".join(names)}{hint}'
            )
    return list(chosen or names)


def train_command(config: str, gpus: int, work_dir: Path, options: list[str]) -> list[str]:
    """The program that trains one fold, or continues it."""
    start = [sys.executable, str(TOOLS / 'train.py'), config]
    if gpus > 1:
        start = [str(TOOLS / 'dist_train.sh'), config, str(gpus)]
    return [*start, '--work-dir', str(work_dir), '--resume', '--cfg-options', *options]


def test_command(
    config: str, gpus: int, work_dir: Path, checkpoint: Path, options: list[str]
) -> list[str]:
    """The program that evaluates one fold."""
    start = [sys.executable, str(TOOLS / 'test.py'), config, str(checkpoint)]
    if gpus > 1:
        start = [str(TOOLS / 'dist_test.sh'), config, str(checkpoint), str(gpus)]
    return [*start, '--work-dir', str(work_dir), '--cfg-options', *options]


def resulting_checkpoint(work_dir: Path, cfg: Config) -> Path:
    """What a training came to: the checkpoint that ``save_best`` kept, else that of the last epoch.

    With several metrics in ``save_best``, it is the best by the first.

    Raises:
        SystemExit: when there is none.
    """
    hooks = cfg.get('default_hooks') or {}
    hook = hooks.get('checkpoint') or {}
    best = hook.get('save_best')
    if not best:
        last = Path((work_dir / 'last_checkpoint').read_text().strip())
        # The folder may have been moved, or copied.
        here = work_dir / last.name
        return here if here.is_file() else last
    # Of several metrics the first decides; their names as the host writes them.
    first = best if isinstance(best, str) else best[0]
    key = '*' if first == 'auto' else glob.escape(first.replace('/', '_'))
    number = 'epoch' if hook.get('by_epoch', True) else 'iter'
    template = hook.get('filename_tmpl') or f'{number}_{{}}.pth'
    pattern = f'best_{key}_{template.format("[0-9]*")}'
    # The newest, should an older one have been left.
    found = sorted(work_dir.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SystemExit(
            f'error: no {pattern} in {work_dir}: validate at least once in train_cfg.max_epochs, '
            'or take the last epoch by default_hooks.checkpoint.save_best=None'
        )
    return found[-1]


def run(command: list[str], name: str) -> None:
    """Start a program of a run with its output showing, and stop everything when it fails.

    Raises:
        SystemExit: with code 75 when the program, or this one, was asked to end.
    """
    print('+', ' '.join(command), flush=True)
    asked: list[int] = []
    started: list[subprocess.Popen] = []

    def hand_on(number: int, frame: object) -> None:
        asked.append(number)
        for child in started:
            child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in SIGNALS}
    try:
        # The shell scripts start `python`: let it be this one.
        child = subprocess.Popen(command, env={**os.environ, 'PYTHON': sys.executable})
        started.append(child)
        # What came before there was a child.
        for number in asked:
            child.send_signal(number)
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    # torchrun, asked to end, ends with 1.
    if asked or code == EXIT_CODE:
        print(f'{name} was asked to end; the same command continues there', file=sys.stderr)
        raise SystemExit(EXIT_CODE)
    if code:
        raise SystemExit(
            f'error: {name} stopped with exit code {code}; the same command continues there'
        )


def train_and_test(
    config: str, name: str, gpus: int, work_dir: Path, options: list[str], own: list[str]
) -> Results:
    """Train and evaluate, unless the results are there already.

    Args:
        config: the config file.
        name: of this run, for messages.
        gpus: processes.
        work_dir: the run's folder.
        options: settings of all runs.
        own: settings of this run.
    """
    saved = work_dir / 'test_results.json'
    if saved.is_file():
        print(f'{name}: finished before, read from {saved} (delete it to run it again)')
        return read_results(saved)
    options = [*options, *own]
    run(train_command(config, gpus, work_dir, options), name)
    options = [*options, f'test_evaluator.save_to={saved}']
    checkpoint = resulting_checkpoint(work_dir, read_config(config, options))
    run(test_command(config, gpus, work_dir, checkpoint, options), name)
    return read_results(saved)


def summarize(folds: dict[int, Results]) -> str:
    """Each fold, mean and standard deviation (n - 1) over the folds, and the clips of all folds."""
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
    """The recall of each unseen class; UAR would be that of a single class, and is left out."""
    title = 'unseen class'
    width = max(map(len, [title, *runs]))
    lines = [f'{title:{width}}  recall  clips']
    for name, results in runs.items():
        recall = results.scores.recall[results.classes.index(name)]
        lines.append(f'{name:{width}}  {recall:6.2f}  {len(results.truth):5d}')
    return '\n'.join(lines)


def cross_validate(args: argparse.Namespace) -> None:
    """Run the folds one after the other and print the summary."""
    folds = {
        fold: train_and_test(
            args.config,
            f'fold {fold}',
            args.gpus,
            args.work_dir / f'fold_{fold}',
            args.cfg_options,
            options_of_fold(fold),
        )
        for fold in folds_to_run(read_config(args.config, args.cfg_options), args.folds)
    }
    print(summarize(folds))
    pooled = pool_results([*folds.values()])
    picture = args.work_dir / 'confusion_matrix.png'
    confusion_figure(pooled.scores.confusion, pooled.classes).savefig(picture, dpi=120)
    print(f'pooled confusion matrix: {picture}')


def leave_one_class_out(args: argparse.Namespace) -> None:
    """Run without each class and print how it is recognised."""
    runs = {
        name: train_and_test(
            args.config,
            f'without {name}',
            args.gpus,
            args.work_dir / f'without_{name}',
            args.cfg_options,
            options_without(name),
        )
        for name in classes_to_leave_out(
            read_config(args.config, args.cfg_options), args.leave_one_class_out
        )
    }
    print(summarize_unseen(runs))


def main() -> None:
    """Cross-validate, over folds or over classes."""
    args = parse_arguments()
    with friendly_errors():
        if args.leave_one_class_out is None:
            cross_validate(args)
        else:
            leave_one_class_out(args)


if __name__ == '__main__':
    main()
