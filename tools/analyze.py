"""Emotions of each face over time: ``python tools/analyze.py VIDEO... --model CONFIG CHECKPOINT``.

Exit code: 0 with an answer, 3 when no video has a face, 1 after an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FORMATS = ('csv', 'json', 'srt', 'vtt')
NO_FACE = 3


def parse_arguments() -> argparse.Namespace:
    """Videos, model, faces, windows, target."""
    parser = argparse.ArgumentParser(
        description='Find and follow the faces of videos and score the emotions of each in windows '
        'that slide over time. The scores are not calibrated, and an expression is not a feeling.'
    )
    parser.add_argument('videos', nargs='+', metavar='VIDEO', help='files')
    parser.add_argument(
        '--model', nargs=2, required=True, metavar=('CONFIG', 'CHECKPOINT'), help='a trained model'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('analysis'), help='folder; each video gets one in it'
    )
    parser.add_argument('--formats', default=','.join(FORMATS), help='of %(default)s')
    parser.add_argument('--crop', help='file of measure_crop.py (default: crop.json beside it)')
    parser.add_argument(
        '--detector',
        default='mtcnn',
        help="'mtcnn', a YuNet file (.onnx) or a table of boxes (.csv)",
    )
    parser.add_argument('--every', type=int, default=3, help='detect in every n-th frame')
    parser.add_argument('--window', type=float, default=2.8, help='seconds')
    parser.add_argument('--stride', type=float, default=0.5, help='seconds between windows')
    parser.add_argument('--classes', help='other class names, separated by commas')
    parser.add_argument('--prompts', help='another prompt set, or a file')
    parser.add_argument('--start', type=float, default=0.0, help='of the part, in seconds')
    parser.add_argument('--end', type=float, default=float('inf'), help='of the part, in seconds')
    parser.add_argument('--device', help='cpu, cuda, …; a GPU where there is one by default')
    return parser.parse_args()


def main() -> None:
    """Build the analyzer once, and write a folder for each video."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.inference import EmotionAnalyzer

    formats = args.formats.split(',')
    with friendly_errors():
        unknown = set(formats) - {*FORMATS}
        if unknown:
            raise ValueError(f'--formats: expected {", ".join(FORMATS)}, found {unknown.pop()}')
        analyzer = EmotionAnalyzer(
            *args.model,
            device=args.device,
            classes=args.classes.split(',') if args.classes else None,
            prompts=args.prompts,
            crop=args.crop,
            detector=args.detector,
            every=args.every,
            window=args.window,
            stride=args.stride,
        )
        answered = False
        for video in args.videos:
            timeline = analyzer(video, start=args.start, end=args.end)
            folder = args.out / Path(video).stem
            for name in formats:
                getattr(timeline, f'to_{name}')(folder / f'timeline.{name}')
            answered = answered or len(timeline.windows) > 0
            tracks = timeline.windows['track'].nunique()
            print(
                f'{video}: {tracks} faces followed, {len(timeline.windows)} windows, '
                f'{timeline.info["seconds"]:.1f} s: {folder}'
            )
            if timeline.info['damage']:
                print(f'{video}: only what comes before: {timeline.info["damage"]}')
    if not answered:
        print('no face was found, so there is no answer')
        sys.exit(NO_FACE)


if __name__ == '__main__':
    main()
