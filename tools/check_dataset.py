"""Check a dataset before a run: ``python tools/check_dataset.py CONFIG [options]``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, add_data_root_option, run_program

if TYPE_CHECKING:
    from mmengine.config import Config

# 1 is a check that could not be made, 2 a wrong command line.
EXIT_CODES = {None: 0, 'note': 0, 'warning': 3, 'error': 4}


def parse_arguments() -> argparse.Namespace:
    """Config, folds, and what to write."""
    parser = argparse.ArgumentParser(
        description='Read every list and decode every frame that a run of a config would read, '
        'and print what is wrong. Nothing is written below data_root.',
        epilog='Exit codes: 0 nothing, or only notes; 3 warnings; 4 errors; 1 the check could '
        'not be made.',
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--folds', nargs='+', metavar='FOLD', help="'all', or their numbers")
    parser.add_argument(
        '--workers',
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1,
        help='processes that decode clips; 0: in this one (default: %(default)s)',
    )
    parser.add_argument('--report', type=Path, help='JSON file to write with all findings')
    parser.add_argument(
        '--write-clean',
        type=Path,
        metavar='DIR',
        help='folder to write the lists into without the lines of bad clips',
    )
    parser.add_argument(
        '--show', type=int, default=5, help='findings of a kind to print (default: %(default)s)'
    )
    add_data_root_option(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def datasets_of(cfg: Config) -> Iterator[tuple[str, dict[str, Any]]]:
    """The datasets of a config by their dataloaders, those in MMEngine's wrappers included.

    Testing and validation often share one, which comes once; what is both trained and evaluated
    on comes twice.
    """
    seen = []
    for name in ('train', 'test', 'val'):
        loader = cfg.get(f'{name}_dataloader')
        waiting = [loader.dataset.to_dict()] if loader is not None else []
        while waiting:
            settings = waiting.pop(0)
            inner = [settings.get('dataset'), *settings.get('datasets', ())]
            waiting += [each for each in inner if each is not None]
            role = (name == 'train', settings)
            if not any(inner) and role not in seen:
                seen.append(role)
                yield name, settings


def check(args: argparse.Namespace) -> int:
    """Read, compare, write; the exit code."""
    from tqdm import tqdm

    from dferclip_mm import dataset_check
    from dferclip_mm.dataset_check.clean import check_outside
    from dferclip_mm.engine.options import load_config

    if args.report is not None and args.report.exists():
        raise SystemExit(f'error: --report: {args.report} is there already: choose another name')
    if args.workers < 0:
        raise SystemExit(f'error: --workers: expected 0 or more, found {args.workers}')
    cfg = load_config(args.config, args.cfg_options, data_root=args.data_root)
    splits, findings = [], []
    for name, settings in datasets_of(cfg):
        folds: list[int | None] = [None]
        if args.folds:
            there, missing = dataset_check.find_folds(settings, args.folds)
            folds = [*there]
            if missing:
                said = f'no lists of fold {", ".join(map(str, missing))}; checked: '
                said += ', '.join(map(str, there))
                findings.append(dataset_check.Finding('missing folds', said))
        for fold in folds:
            split, wrong = dataset_check.read_split(settings, name, fold)
            findings += wrong
            splits += [split] if split is not None else []
    if args.report is not None:
        for folder in sorted({folder for split in splits for folder in split.folders}):
            check_outside(args.report, folder)
    if args.write_clean is not None:
        # Not at the end of a decode that may take hours.
        dataset_check.clean_targets(args.write_clean, splits)
    openers = dataset_check.find_openers(splits)
    reports = {
        each.path: each
        for each in tqdm(
            dataset_check.inspect_clips(list(openers.items()), args.workers),
            total=len(openers),
            desc='Reading clips',
            unit='clip',
        )
    }
    # A list that serves several dataloaders is read for each.
    findings = list(dict.fromkeys([*findings, *dataset_check.compare(splits, reports)]))
    print(dataset_check.format_report(splits, findings, args.show))
    if args.report is not None:
        args.report.parent.mkdir(parents=True, exist_ok=True)
        content = dataset_check.report_content(splits, findings, str(args.config))
        args.report.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        print(f'\nall findings: {args.report}')
    if args.write_clean is not None:
        written = dataset_check.write_clean(args.write_clean, splits, findings)
        tell_clean(written, args.write_clean, {split.folders[1] for split in splits})
    return EXIT_CODES[dataset_check.worst(findings)]


def tell_clean(
    written: dict[str, tuple[Path, int]], folder: Path, clip_folders: Iterable[str]
) -> None:
    """Say which lists were written and how a run takes them."""
    print('\nclean lists, each for ann_file of its dataset:')
    for file, (path, count) in written.items():
        print(f'  {path.absolute()}: {count} lines of {file} left out')
    for clips in clip_folders:
        print(
            f"or all of a corpus with data_root='{folder.absolute()}', "
            f"data_prefix=dict(clips='{clips}')"
        )


def main() -> None:
    """Check, and tell by the exit code."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        code = check(args)
    raise SystemExit(code)


if __name__ == '__main__':
    run_program(main)
