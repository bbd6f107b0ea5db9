"""Linear probing: ``python tools/linear_probe.py TRAIN.npz TEST.npz``.

Both files are written by ``tools/extract_features.py``. Fits logistic regression on labels and
ridge regression on scores, whichever the files hold, and prints the metrics of the test clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from arguments import run_program


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Linear probing of clip features.')
    parser.add_argument('train', type=Path, help='training features, .npz')
    parser.add_argument('test', type=Path, help='test features, .npz')
    parser.add_argument('--strength', type=float, default=1.0, help='inverse of the regularization')
    return parser.parse_args()


def main() -> None:
    """Fit, score, print."""
    args = parse_arguments()

    import numpy as np

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation.features import read_features
    from dferclip_mm.evaluation.measures import count_answers, recall, uar, war
    from dferclip_mm.evaluation.probe import probe_labels, probe_scores

    with friendly_errors():
        train, test = read_features(args.train), read_features(args.test)
        for name in ('classes', 'targets'):
            if train.get(name, np.array([])).tolist() != test.get(name, np.array([])).tolist():
                raise ValueError(f'{args.train} and {args.test} have different {name}')
        both = {'labels', 'scores'} & train.keys() & test.keys()
        if not both:
            raise ValueError(f'{args.train} and {args.test}: expected labels or scores in both')
        if 'labels' in both:
            classes = train['classes'].tolist()
            answers = probe_labels(
                train['features'], train['labels'], test['features'], args.strength
            )
            counts = count_answers(test['labels'], answers, len(classes))
            print(f'UAR {uar(counts):.2f} %   WAR {war(counts):.2f} %')
            for name, value in zip(classes, recall(counts), strict=True):
                print(f'{name:>16}  {value:6.2f}')
        if 'scores' in both:
            figures = probe_scores(
                train['features'], train['scores'], test['features'], test['scores'], args.strength
            )
            print(f'{"":>16}  ' + '  '.join(f'{name:>8}' for name in figures))
            rows = {'mean': [values.mean() for values in figures.values()]}
            for number, target in enumerate(train['targets'].tolist()):
                rows[target] = [values[number] for values in figures.values()]
            for name, row in rows.items():
                print(f'{name:>16}  ' + '  '.join(f'{value:8.4f}' for value in row))


if __name__ == '__main__':
    run_program(main)
