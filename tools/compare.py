"""Compare runs on the same clips: ``python tools/compare.py RUN... [--format latex]``.

The first run is the one that the others are tested against.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from arguments import run_program


def parse_arguments() -> argparse.Namespace:
    """Runs and form of the table."""
    parser = argparse.ArgumentParser(
        description='Table of UAR, WAR, F1 and the recall of each class, with intervals and paired '
        'tests against the first run.'
    )
    parser.add_argument(
        'runs',
        nargs='+',
        type=Path,
        metavar='RUN',
        help='results file, folder with test_results.json, or the folder of a cross-validation or '
        'of several seeds, whose tests count as one run',
    )
    parser.add_argument('--names', nargs='+', metavar='NAME', help='of the runs, for the table')
    parser.add_argument(
        '--format', choices=['text', 'markdown', 'latex', 'csv'], default='text', help='%(default)s'
    )
    parser.add_argument(
        '--resamples', type=int, default=2000, metavar='N', help='of the bootstrap: %(default)s'
    )
    args = parser.parse_args()
    args.names = args.names or find_names(args.runs)
    if len(args.names) != len(args.runs):
        parser.error(f'--names: expected {len(args.runs)}, one for each RUN')
    if len(set(args.names)) < len(args.names):
        parser.error(f'expected different names, found {", ".join(args.names)}')
    if args.resamples < 100:
        parser.error('--resamples: expected 100 or more')
    return args


def find_names(runs: Sequence[Path]) -> list[str]:
    """The paths of runs without the part that all share."""
    folders = [run.parent if run.name == 'test_results.json' else run for run in runs]
    if len(folders) == 1:
        return [folders[0].name]
    common = Path(os.path.commonpath([folder.absolute().parent for folder in folders]))
    return [folder.absolute().relative_to(common).as_posix() for folder in folders]


def main() -> None:
    """Print the tables."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation.compare import compare, read_run
    from dferclip_mm.evaluation.tables import render

    with friendly_errors():
        runs = [read_run(path, name) for path, name in zip(args.runs, args.names, strict=True)]
        print(render(runs, compare(runs, args.resamples), args.format))


if __name__ == '__main__':
    run_program(main)
