"""Compare the timeline of a drawn film with its truth."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from drawn_faces.film_truth import compare_tracks, compare_with_truth


def main() -> None:
    """Read the command line, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'timeline', type=Path, help='timeline.json of tools/analyze.py, beside faces.csv'
    )
    parser.add_argument('truth', type=Path, help='the JSON beside the film')
    args = parser.parse_args()
    content = json.loads(args.timeline.read_text(encoding='utf-8'))
    with args.timeline.with_name('faces.csv').open(encoding='utf-8', newline='') as file:
        faces = [row for row in csv.DictReader(file) if row['track']]
    scores = compare_with_truth(content['windows'], args.truth)
    stays, confused = compare_tracks(faces, args.truth)
    print(f'faces at full expression that are recognised: {scores.accuracy:.1%} of {scores.faces}')
    late = [abs(each) <= content['info']['window'] for each in scores.onsets]
    print(f'onsets that are found within one window: {sum(late)} of {len(late)}')
    print(f'stays of a person between cuts that are one track: {stays - confused} of {stays}')
    print(f'windows that are answered while nobody is there: {scores.strays}')


if __name__ == '__main__':
    main()
