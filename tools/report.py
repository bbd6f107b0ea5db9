"""Report an evaluated run: ``python tools/report.py WORK_DIR``.

Prints UAR, WAR and the recall of each class, and plots confusion matrix and learning curves.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def parse_arguments() -> argparse.Namespace:
    """The run's folder and its results."""
    parser = argparse.ArgumentParser(description='Table and plots of an evaluated run.')
    parser.add_argument('work_dir', type=Path, help='folder of the training run')
    parser.add_argument(
        '--results',
        type=Path,
        help='file written by test_evaluator.save_to (default: WORK_DIR/test_results.json)',
    )
    return parser.parse_args()


def main() -> None:
    """Print the table, write two plots into the folder, and print their paths."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation.plots import confusion_figure, curves_figure
    from dferclip_mm.evaluation.results import format_scores, read_curves, read_results

    with friendly_errors():
        results = read_results(args.results or args.work_dir / 'test_results.json')
        curves = read_curves(args.work_dir)
    plots = {
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
    for name, (path, figure) in plots.items():
        figure.savefig(path, dpi=120)
        print(f'{name}: {path}')


if __name__ == '__main__':
    main()
