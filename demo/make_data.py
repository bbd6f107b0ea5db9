"""Write a corpus of drawn faces, laid out as DFEW, for demonstrations and tests."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from drawn_faces import contact_sheet, write_corpus


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument('out', type=Path, help='folder of the corpus')
    parser.add_argument('--clips-per-class', type=int, default=140, help='clips per expression')
    parser.add_argument('--identities', type=int, default=40, help='different people')
    parser.add_argument('--size', type=int, default=96, help='side of a frame in pixels')
    parser.add_argument('--folds', type=int, default=1, help='folds to write lists of, up to 5')
    parser.add_argument('--seed', type=int, default=0, help='of everything drawn')
    parser.add_argument('--sheet', type=Path, help='picture of all expressions to write, too')
    return parser.parse_args()


def main() -> None:
    """Write the corpus, and the contact sheet where one is asked for."""
    args = parse_args()
    try:
        write_corpus(
            args.out,
            clips_per_class=args.clips_per_class,
            identities=args.identities,
            size=args.size,
            folds=args.folds,
            seed=args.seed,
        )
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
    print(f'The corpus is in {args.out}')
    if args.sheet:
        sheet = contact_sheet(seed=args.seed)
        if not cv2.imwrite(str(args.sheet), sheet[..., ::-1]):
            raise SystemExit(f'Expected to write a picture to {args.sheet}; is the folder there?')
        print(f'The contact sheet is {args.sheet}')


if __name__ == '__main__':
    main()
