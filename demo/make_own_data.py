"""Write drawn clips as a user's own: a CSV with three classes that no corpus has, and people."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from drawn_faces import write_corpus

WORDS = {'happiness': 'smiling', 'anger': 'frowning', 'surprise': 'startled'}


def main() -> None:
    """Draw, and write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder of the clips and of clips.csv')
    parser.add_argument('--clips-per-class', type=int, default=20)
    parser.add_argument('--identities', type=int, default=12, help='different people')
    args = parser.parse_args()
    write_corpus(
        args.out, clips_per_class=args.clips_per_class, identities=args.identities, size=64
    )
    with (args.out / 'identities.csv').open() as file:
        people = {row['clip']: row['identity'] for row in csv.DictReader(file)}
    lists = args.out / 'EmoLabel_DataSplit'
    classes = ('happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear')
    rows = []
    for path in sorted(lists.glob('*/set_1.csv')):
        with path.open() as file:
            for row in csv.DictReader(file):
                word = WORDS.get(classes[int(row['label']) - 1])
                clip = f'{int(row["video_name"]):05}'
                if word is not None:
                    rows.append((f'{clip}.mp4', word, f'person {people[clip]}'))
    with (args.out / 'clips.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('path', 'label', 'subject'), *sorted(rows)])
    print(f'{len(rows)} clips of {len({row[2] for row in rows})} people: {args.out}/clips.csv')


if __name__ == '__main__':
    main()
