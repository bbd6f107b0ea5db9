"""Report an evaluated run: ``python tools/report.py WORK_DIR``.

Prints UAR, WAR and the recall of each class; draws the confusion matrix and the learning curves.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dferclip_mm.engine.run import friendly_errors
from dferclip_mm.evaluation.plots import confusion_figure, curves_figure
from dferclip_mm.evaluation.results import format_scores, read_curves, read_results


def parse_arguments() -> argparse.Namespace:
    """Folder of the run, file of the results."""
    parser = argparse.ArgumentParser(description='Table and pictures of an evaluated run.')
    parser.add_argument('work_dir', type=Path, help='where the run was trained')
    parser.add_argument(
        '--results',
        type=Path,
        help='what test_evaluator.save_to wrote (default: WORK_DIR/test_results.json)',
    )
    return parser.parse_args()


def main() -> None:
    """Print the table, write two pictures into the folder, and print their paths."""
    args = parse_arguments()
    with friendly_errors():
        results = read_results(args.results or args.work_dir / 'test_results.json')
        curves = read_curves(args.work_dir)
    pictures = {
        'confusion matrix': (
            args.work_dir / 'confusion_matrix.png',
            confusion_figure(results.scores.confusion, results.classes),
        ),
        'learning curves': (
            args.work_dir / 'learning_curves.png',
            curves_figure(curves.loss, curves.validation),
        ),
    }
    print(format_scores(results))
    for name, (path, figure) in pictures.items():
        figure.savefig(path, dpi=120)
        print(f'{name}: {path}')


if __name__ == '__main__':
    main()
