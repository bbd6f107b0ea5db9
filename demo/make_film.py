"""Write a film of two drawn people (H.264) and, as JSON beside it, who is where and shows what."""

from __future__ import annotations

import argparse
from pathlib import Path

from drawn_faces import standard_film, write_film


def main() -> None:
    """Read the command line and write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument('out', type=Path, help='the video, .mp4')
    parser.add_argument('--width', type=int, default=1280, help='of the frames in pixels')
    parser.add_argument('--height', type=int, default=720, help='of the frames in pixels')
    parser.add_argument('--seed', type=int, default=0, help='of everything drawn')
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    film = standard_film(width=args.width, height=args.height, seed=args.seed)
    truth = write_film(args.out, film)
    print(f'The film is {args.out}, its truth {truth}')


if __name__ == '__main__':
    main()
