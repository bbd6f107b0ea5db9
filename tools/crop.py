"""Videos to clips of one face each: ``python tools/crop.py SOURCE OUT [options]``."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from arguments import add_face_options, run_program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dferclip_mm.precompute.face_clips import CroppedClip, CropSettings

REPORT, SHEET, SETTINGS, TEMPLATE = 'report.csv', 'sheet.jpg', 'settings.json', 'crop.json'
# A main face with a smaller share of the area may be the wrong one.
UNCLEAR = 2 / 3
NOT_YET = 'not cropped yet'
INTERRUPTED = 128 + signal.SIGINT


def parse_arguments() -> argparse.Namespace:
    """Source, target, faces."""
    parser = argparse.ArgumentParser(
        description='Write the face of each clip as a folder of frames, as DFEW is distributed. '
        'A clip with several faces gives the one that covers the largest area, summed over its '
        'frames; frames without it are left out. Started again after an interruption, it crops '
        'what is missing.',
        epilog=f'OUT also gets {REPORT} (frames and faces of each clip), {SHEET}, {TEMPLATE} (how '
        'the faces lie, for analyze.py) and a list of the clips that have a face: the given one '
        'without the lines of the others, or clips.csv.',
    )
    parser.add_argument(
        'source',
        type=Path,
        metavar='FOLDER|LIST',
        help='a folder of videos or of frame folders, or a list that names them (of a corpus, or a '
        'table with a column "path"); labels and captions are kept',
    )
    parser.add_argument('out', type=Path, help='folder for the clips')
    parser.add_argument(
        '--root', type=Path, help="folder that a list's clips lie in (default: the list's)"
    )
    parser.add_argument(
        '--template',
        type=Path,
        help='file of measure_crop.py: where the faces lie (default: upright, with some margin)',
    )
    parser.add_argument('--size', type=int, help="side of a frame (default: the template's, 224)")
    add_face_options(parser)
    parser.add_argument(
        '--min-seen',
        type=float,
        default=0.5,
        metavar='SHARE',
        help='leave out clips with the face in a smaller share of their frames (default: '
        "%(default)s, as DFEW's owners did)",
    )
    parser.add_argument('--workers', type=int, default=2, help='processes; 0: in this one')
    return parser.parse_args()


def read_settings(out: Path) -> dict[str, Any]:
    """What an earlier call for the same folder has written."""
    file = out / SETTINGS
    return json.loads(file.read_text(encoding='utf-8')) if file.exists() else {}


def choose_settings(args: argparse.Namespace, list_name: str) -> CropSettings:
    """The settings; those of an earlier call for the same folder must be the same."""
    from dferclip_mm.faces.crop import DEFAULT_TEMPLATE, read_template, write_template
    from dferclip_mm.faces.detectors import build_face_finder
    from dferclip_mm.files import write_json
    from dferclip_mm.precompute.face_clips import CropSettings

    for name, least in (('every', 1), ('size', 1), ('workers', 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f'--{name}: expected {least} or more, found {value}')
    template = read_template(args.template) if args.template else DEFAULT_TEMPLATE
    if args.size:
        template = replace(template, size=args.size)
    if args.detector.endswith('.csv'):
        raise ValueError("--detector: expected 'mtcnn' or a YuNet file, found boxes of one video")
    build_face_finder(args.detector)
    settings = CropSettings(template, args.detector, args.every, args.min_face, args.min_seen)
    chosen = settings._asdict() | dict(template=asdict(template))
    before = read_settings(args.out)
    changed = [name for name in chosen if before and chosen[name] != before.get(name)]
    if changed:
        raise ValueError(
            f'{args.out} was begun with {changed[0]}={before.get(changed[0])}, found '
            f'{chosen[changed[0]]}: give the same settings, or another folder'
        )
    files = {*before.get('files', ()), REPORT, SHEET, TEMPLATE, list_name}
    write_json(args.out / SETTINGS, chosen | dict(files=sorted(files)))
    write_template(args.out / TEMPLATE, template)
    return settings


def read_report(file: Path) -> dict[str, CroppedClip]:
    """The clips that earlier calls have begun, by their names; the last row of each counts."""
    from dferclip_mm.precompute.face_clips import CroppedClip

    if not file.exists():
        return {}
    with file.open(encoding='utf-8', newline='') as stream:
        # The last line of a program that was killed may be cut.
        rows = [row for row in csv.DictReader(stream) if None not in row.values()]
    kinds = get_type_hints(CroppedClip)
    clips = [CroppedClip(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in rows]
    return {each.clip: each for each in clips}


def check_target(out: Path, list_name: str, clips: Iterable[str]) -> None:
    """Refuse to replace what this program has not made."""
    ours, files = read_settings(out).get('files', ()), (list_name, REPORT, SHEET, TEMPLATE)
    foreign = [name for name in files if name not in ours and (out / name).exists()]
    begun = {} if foreign else read_report(out / REPORT)
    foreign += [clip for clip in clips if clip not in begun and (out / clip).is_dir()]
    if foreign:
        raise ValueError(
            f'{out / foreign[0]} is there, and was not made by this program: choose another folder '
            'for the clips'
        )


def write_report(file: Path, clips: Iterable[CroppedClip]) -> None:
    """Write the report anew."""
    import pandas as pd

    from dferclip_mm.files import atomic_write
    from dferclip_mm.precompute.face_clips import CroppedClip

    atomic_write(file, pd.DataFrame([*clips], columns=CroppedClip._fields).to_csv(index=False))


def crop(
    clips: dict[str, str], out: Path, settings: CropSettings, workers: int
) -> tuple[dict[str, CroppedClip], bool]:
    """Crop what is missing; what is done, and whether Ctrl-C ended it."""
    from tqdm import tqdm

    from dferclip_mm.precompute.face_clips import UNFINISHED, CroppedClip, crop_clips

    begun = read_report(out / REPORT)
    done = {
        name: each
        for name, each in begun.items()
        if not each.problem and (not each.written or (out / name).is_dir())
    }
    missing = {name: source for name, source in clips.items() if name not in done}
    if len(missing) < len(clips):
        print(f'{len(clips) - len(missing)} of {len(clips)} clips are there')
    # What is begun is known as ours, whatever ends the program.
    begun.update({name: CroppedClip(name, 0, 0, 0, 0, 0.0, NOT_YET) for name in missing})
    write_report(out / REPORT, begun.values())
    with (out / REPORT).open('a', encoding='utf-8', newline='') as stream:
        table = csv.writer(stream, lineterminator='\n')
        interrupted = False
        try:
            with closing(crop_clips(missing, out, settings, workers)) as results:
                for each in tqdm(results, total=len(missing), desc='Cropping', unit='clip'):
                    table.writerow(each)
                    stream.flush()
                    done[each.clip] = each
        except KeyboardInterrupt:
            interrupted = True
    shutil.rmtree(out / UNFINISHED, ignore_errors=True)
    write_report(out / REPORT, (begun | done).values())
    return done, interrupted


def describe(done: Iterable[CroppedClip]) -> Iterable[str]:
    """What was found, in sentences."""
    found = [*done]
    without = [each for each in found if not each.written]
    several = [each for each in found if each.faces > 1]
    unclear = [each for each in several if each.share < UNCLEAR]
    damaged = [each for each in found if each.problem]
    yield f'clips: {len(found)}, written: {len(found) - len(without)}'
    for rows, said in (
        (without, 'left out, with no face in enough frames (--min-seen)'),
        (several, 'with several faces, of which the largest is taken'),
        (unclear, f'in which it has less than {UNCLEAR:.0%} of their area; look at these'),
        (damaged, 'cannot be read, or only in part'),
    ):
        if rows:
            names = ', '.join(each.clip for each in rows[:5])
            yield f'  {len(rows)} {said}: {names}{", ..." if len(rows) > 5 else ""}'
    if damaged:
        yield f'  {damaged[0].clip}: {damaged[0].problem}'


def main() -> None:
    """Find the clips, crop them, and write list, report and sheet."""
    args = parse_arguments()

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.files import atomic_write
    from dferclip_mm.media.images import list_frames
    from dferclip_mm.media.video_files import VIDEO_SUFFIXES
    from dferclip_mm.precompute.clip_sheet import write_sheet
    from dferclip_mm.precompute.clip_sources import find_clips, list_clips, read_clip_list

    with friendly_errors():
        if args.source.is_dir():
            clips = find_clips(args.source)
            lines, name = list_clips(clips), 'clips.csv'
        elif args.source.suffix.lower() in VIDEO_SUFFIXES:
            raise ValueError(
                f'{args.source} is one video: give the folder that it lies in, or a list'
            )
        else:
            lines, clips = read_clip_list(args.source, args.root or args.source.parent)
            name = args.source.name
        out = args.out.absolute()
        root = args.source if args.source.is_dir() else args.root or args.source.parent
        if out == root.absolute() or (args.source.is_dir() and out.is_relative_to(root.absolute())):
            raise ValueError(f'{args.out} lies in the folder of the clips, {root}: choose another')
        check_target(args.out, name, clips)
        settings = choose_settings(args, name)
        done, interrupted = crop(clips, args.out, settings, args.workers)
        rows = [done[clip] for clip in clips if clip in done]
        faces = {each.clip: each for each in rows if each.written}
        kept = [line for line, clip in lines if not clip or clip in faces]
        atomic_write(args.out / name, ''.join(f'{line}\n' for line in kept))
        print(*describe(rows), sep='\n')
        pictures = len(list_frames(str(args.source))) if args.source.is_dir() else 0
        if pictures:
            print(f'  pictures beside them, which are no clips: {pictures}')
        if faces:
            captions = {
                f'{clip}: {each.written} of {each.frames} frames, faces: {each.faces}': out / clip
                for clip, each in faces.items()
            }
            write_sheet(args.out / SHEET, captions)
            needs = ', once you have added a column "label" to it' if lines[0][0] == 'path' else ''
            print(
                f'wrote {args.out}: see {SHEET} and {REPORT}; a dataset takes it by '
                f"ann_file='{out / name}', data_prefix=dict(clips='{out}'){needs}"
            )
    if interrupted:
        print(f'interrupted: {len(clips) - len(rows)} clips are left', file=sys.stderr)
        sys.exit(INTERRUPTED)


if __name__ == '__main__':
    run_program(main)
