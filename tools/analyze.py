"""Emotions of each face over time: ``python tools/analyze.py VIDEO... --model CONFIG CHECKPOINT``.

Exit code: 0 with an answer, 3 when no video has a face, 1 after an error, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import csv
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_face_options, run_program

if TYPE_CHECKING:
    from dferclip_mm.inference import EmotionAnalyzer
    from dferclip_mm.media.timed_frames import TimedFrame

NO_FACE, INTERRUPTED = 3, 128 + signal.SIGINT
# Options that are arguments of the analyzer.
SETTINGS = (
    *('device', 'classes', 'prompts', 'crop', 'detector', 'every', 'max_faces', 'min_face'),
    *('window', 'stride', 'abstain'),
)


def number_of_faces(text: str) -> int | None:
    """The value of ``--faces``."""
    if text == 'all':
        return None
    if text == 'largest':
        return 1
    if not text.isdecimal() or text == '0':
        raise argparse.ArgumentTypeError(f"expected 'largest', 'all' or a number, found {text!r}")
    return int(text)


def parse_arguments() -> argparse.Namespace:
    """Videos, model, faces, windows, target."""
    parser = argparse.ArgumentParser(
        description='Find and follow the faces of videos and score the emotions of each in windows '
        'that slide over time. The scores are calibrated only where calibrate.py has fitted a '
        'temperature, and an expression is not a feeling.'
    )
    parser.add_argument(
        'videos', nargs='*', metavar='VIDEO', help='files, folders of videos, or folders of frames'
    )
    parser.add_argument(
        '--model',
        nargs='+',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a trained model, or a file of export_model.py (.onnx) alone',
    )
    parser.add_argument(
        '--out', type=Path, default=Path('analysis'), help='folder; each video gets one in it'
    )
    parser.add_argument(
        '--camera',
        help='a camera in place of videos, by its number (0): answers are printed, and written to '
        'OUT/camera.csv, as they come; Ctrl-C or --end ends it',
    )
    parser.add_argument(
        '--formats',
        default='csv,json,srt,vtt,eaf,png,html',
        help='of %(default)s,mp4 (the film with boxes),fex (a folder for Py-feat Live)',
    )
    parser.add_argument(
        '--crop',
        help='file of measure_crop.py (default: what the checkpoint holds, or crop.json beside '
        'it), or none for videos that are face crops already',
    )
    parser.add_argument(
        '--faces',
        dest='max_faces',
        type=number_of_faces,
        default=20,
        metavar='N',
        help="at most N in a frame, the largest ones (default: 20), 'largest' for one, or 'all'",
    )
    add_face_options(parser)
    parser.add_argument(
        '--window', type=float, help='seconds (default: as long as the training clips)'
    )
    parser.add_argument('--stride', type=float, default=0.5, help='seconds between windows')
    parser.add_argument(
        '--abstain',
        type=float,
        default=0.0,
        metavar='SCORE',
        help='leave out segments with a lower score, such as the threshold of calibrate.py',
    )
    parser.add_argument(
        '--explain',
        action='store_true',
        help='show in the page which frames and places of the face speak for the strongest moment '
        'of each emotion',
    )
    parser.add_argument(
        '--classes',
        type=lambda text: text.split(','),
        help='other class names: calm,tense (a model without learned context)',
    )
    parser.add_argument('--prompts', help='another prompt set, or a file')
    parser.add_argument('--start', type=float, default=0.0, help='of the part, in seconds')
    parser.add_argument('--end', type=float, default=float('inf'), help='of the part, in seconds')
    parser.add_argument('--device', help='cpu, cuda, …; a GPU where there is one by default')
    args = parser.parse_args()
    if len(args.model) != (1 if args.model[0].endswith('.onnx') else 2):
        parser.error('--model: expected CONFIG CHECKPOINT, or OUT.onnx alone')
    if bool(args.videos) == (args.camera is not None):
        parser.error('expected videos or --camera')
    if args.camera is not None and args.formats != parser.get_default('formats'):
        parser.error('--formats: a camera gives camera.csv')
    if args.explain and (args.camera is not None or 'html' not in args.formats.split(',')):
        parser.error('--explain: expected videos, and html among the formats')
    return args


@contextmanager
def first_interrupt() -> Iterator[Callable[[], bool]]:
    """Note the first Ctrl-C; the next one acts as before. Yields whether there was one."""
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: signal.getsignal(signal.SIGINT) is not note
    finally:
        signal.signal(signal.SIGINT, before)


def show_progress(
    frames: Iterable[TimedFrame],
    video: str,
    start: float,
    end: float,
    stopped: Callable[[], bool] = bool,
    does: str = '',
) -> Iterator[TimedFrame]:
    """Pass on the frames of a video until it is stopped."""
    from tqdm import tqdm

    from dferclip_mm.media.timed_frames import read_duration

    bar = None
    for frame in frames:
        # What is no video has already ended in an error.
        if bar is None:
            # A folder, and what a browser records, do not say how long they are.
            lasts = 0 if Path(video).is_dir() else read_duration(video)
            total = min(end, lasts or end) - start
            known = round(total) if 0 < total < float('inf') else None
            bar = tqdm(total=known, desc=f'{does}{Path(video).name}', unit=' s')
        bar.update(int(frame.time - start) - bar.n)
        yield frame
        if stopped():
            break
    if bar is not None:
        bar.close()


def watch_camera(
    analyzer: EmotionAnalyzer, camera: str, file: Path, start: float, end: float
) -> bool:
    """Print and write the answers of a camera, each when it is there; whether there were any."""
    from dferclip_mm.media.camera import read_camera

    begun = time.monotonic()
    source = int(camera) if camera.isdecimal() else camera
    late: list[float] = []

    def watched(stopped: Callable[[], bool]) -> Iterator[TimedFrame]:
        for frame in read_camera(source, lambda: time.monotonic() - begun):
            if stopped() or frame.time >= end:
                return
            if frame.time >= start:
                yield frame

    file.parent.mkdir(parents=True, exist_ok=True)
    with first_interrupt() as stopped, file.open('w', encoding='utf-8', newline='') as stream:
        for row in analyzer.stream(watched(stopped), f'camera {camera}'):
            late.append(time.monotonic() - begun - row['end'])
            table = csv.DictWriter(stream, [*row, 'latency'])
            if len(late) == 1:
                table.writeheader()
            table.writerow({**row, 'latency': round(late[-1], 3)})
            stream.flush()
            said = f'face {row["track"]}: {row["label"]} {row["score"]:.0%}'
            print(f'{row["end"]:8.1f} s  {said}  ({late[-1]:.2f} s later)', flush=True)
    if late:
        print(
            f'windows: {len(late)}, answered {sum(late) / len(late):.2f} s after their end on '
            f'average, {max(late):.2f} s at most: {file}'
        )
    return bool(late)


def main() -> None:
    """Build the analyzer once, and write a folder for each video."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.inference import EmotionAnalyzer
    from dferclip_mm.inference.report import describe_gaps
    from dferclip_mm.inference.timeline import FORMATS
    from dferclip_mm.media.sources import list_videos

    args.videos = [each for video in args.videos for each in list_videos(video) or [video]]
    formats, names = args.formats.split(','), [Path(video).stem for video in args.videos]
    with friendly_errors():
        unknown = [name for name in formats if name not in FORMATS]
        if unknown:
            raise ValueError(f'--formats: expected {", ".join(FORMATS)}, found {unknown[0]}')
        drawn = [name for name in formats if name in ('mp4', 'fex')]
        folders = [video for video in args.videos if Path(video).is_dir()]
        if drawn and folders:
            raise ValueError(f'--formats: {drawn[0]} needs a video, found the folder {folders[0]}')
        if len({*names}) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'two videos are named {twice}, and each gets a folder of its name')
        settings = {name: getattr(args, name) for name in SETTINGS}
        # A camera's faces and windows are answered one by one.
        analyzer = EmotionAnalyzer(*args.model, **settings, batch_size=1 if args.camera else 32)
        answered, followed, failed = False, False, []
        if args.camera is not None:
            file = args.out / 'camera.csv'
            answered = watch_camera(analyzer, args.camera, file, args.start, args.end)
        for count, video in enumerate(args.videos, start=1):
            show = partial(show_progress, video=video, start=args.start, end=args.end)
            try:
                with first_interrupt() as stopped:
                    part = dict(start=args.start, end=args.end, explain=args.explain)
                    timeline = analyzer(video, **part, progress=partial(show, stopped=stopped))
                    timeline.info['interrupted'] = interrupted = stopped()
                folder = args.out / Path(video).stem
                timeline.save(folder, formats, partial(show, does='drawing '))
            except (ValueError, OSError) as error:
                if len(args.videos) == 1:
                    raise
                failed.append(str(error))
                print(f'error: {error}', file=sys.stderr)
                continue
            windows, tracks = len(timeline.windows), timeline.summary['tracks']
            seconds = f'{timeline.info["seconds"]:.1f} s'
            print(f'{video}: faces followed: {tracks}, windows: {windows}, {seconds}: {folder}')
            for said in describe_gaps(timeline.info):
                print(said)
            answered, followed = answered or windows > 0, followed or tracks > 0
            if interrupted:
                print(
                    f'interrupted in video {count} of {len(args.videos)}: what was read of it, up '
                    f'to {seconds}, is written',
                    file=sys.stderr,
                )
                sys.exit(INTERRUPTED)
        if failed:
            raise ValueError(f'{len(failed)} of {len(args.videos)} videos: {failed[0]}')
    if not answered:
        seen = 'no face was in view for long enough' if followed else 'no face was found'
        print(f'{seen}, so there is no answer')
        sys.exit(NO_FACE)


if __name__ == '__main__':
    run_program(main)
