"""Measure how a dataset's faces are cropped: ``python tools/measure_crop.py CONFIG [options]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    from dferclip_mm.media.timed_frames import TimedFrame


def parse_arguments() -> argparse.Namespace:
    """Config, detector, amount, target."""
    parser = argparse.ArgumentParser(
        description='Detect the faces in frames of the training clips and write where they lie: '
        'the medians of five landmarks, and how much they vary. Faces of other videos are moved '
        'there before the model sees them.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--out', type=Path, help='file to write (default: crop.json in the work_dir of the config)'
    )
    parser.add_argument('--clips', type=int, default=500, help='clips to take a frame of')
    parser.add_argument('--detector', default='mtcnn', help="'mtcnn' or a YuNet file (.onnx)")
    add_data_options(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def middle_frames(
    dataset: Any, pipeline: Any, clips: int, lengths: list[int]
) -> Iterator[TimedFrame]:
    """The middle frame of clips from all over a dataset, whose lengths are noted."""
    from tqdm import tqdm

    from dferclip_mm.media.timed_frames import TimedFrame
    from dferclip_mm.transforms.clip_opener import find_clip_init, open_clip_frames

    clip_init, last = find_clip_init(pipeline), len(dataset) - 1
    chosen = sorted({round(last * number / max(1, clips - 1)) for number in range(clips)})
    for index in tqdm(chosen, desc='Measuring', unit='clip'):
        with open_clip_frames(dataset.get_data_info(index), clip_init) as reader:
            lengths.append(len(reader))
            middle = len(reader) // 2
            yield TimedFrame(middle, 0.0, reader.read(middle))


def main() -> None:
    """Measure the first dataset of the config for training, or for testing where there is none."""
    args = parse_arguments()

    from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.faces.crop import write_template
    from dferclip_mm.faces.detectors import build_face_finder
    from dferclip_mm.precompute.crop_template import measure_template

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        find = build_face_finder(args.detector)
        split = 'train' if cfg.get('train_dataloader') else 'test'
        dataset = build_without_pipeline(cfg, [split])[0]
        pipeline = dataset_configs(cfg, [split])[0].pipeline
        lengths: list[int] = []
        template = measure_template(middle_frames(dataset, pipeline, args.clips, lengths), find)
        template = replace(template, clip_frames=int(median(lengths)))
        out = args.out or Path(cfg.work_dir) / 'crop.json'
        write_template(out, template)
    for name, place, spread in zip(
        ('left eye', 'right eye', 'nose', 'left corner', 'right corner'),
        template.landmarks,
        template.spread,
        strict=True,
    ):
        print(f'{name:<13}{place[0]:.3f} {place[1]:.3f}  ± {spread[0]:.3f} {spread[1]:.3f}')
    print(
        f'wrote {out}: faces in {template.frames} frames of {template.size} pixels, none in '
        f'{template.without_face}; the median clip has {template.clip_frames} frames'
    )


if __name__ == '__main__':
    run_program(main)
