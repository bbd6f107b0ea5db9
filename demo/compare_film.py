"""Compare the timeline of a drawn film with its truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from drawn_faces.film_truth import compare_with_truth


def main() -> None:
    """Read the command line, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('timeline', type=Path, help='timeline.json of tools/analyze.py')
    parser.add_argument('truth', type=Path, help='the JSON beside the film')
    args = parser.parse_args()
    windows = json.loads(args.timeline.read_text(encoding='utf-8'))['windows']
    scores = compare_with_truth(windows, args.truth)
    print(f'faces at full expression that are recognised: {scores.accuracy:.1%} of {scores.faces}')
    print(f'windows that are answered while nobody is there: {scores.strays}')


if __name__ == '__main__':
    main()
