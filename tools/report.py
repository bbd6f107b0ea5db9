"""Report an evaluated run: ``python tools/report.py RUN``.

Prints UAR, WAR and the recall of each class, plots the confusion matrix and the learning curves,
and writes a page with these, the clips to look at and a map of all clips. The page needs no other
file and no network.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import run_program

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def parse_arguments() -> argparse.Namespace:
    """The run's folder, its results and features."""
    parser = argparse.ArgumentParser(description='Table, plots and page of an evaluated run.')
    parser.add_argument(
        'run', type=Path, metavar='RUN', help='folder of a training run, or of a cross-validation'
    )
    parser.add_argument(
        '--results',
        type=Path,
        help='file written by test_evaluator.save_to (default: RUN/test_results.json)',
    )
    parser.add_argument(
        '--features',
        type=Path,
        help='file of extract_features.py --data test, for the map of the clips (default: the map '
        'shows the class scores)',
    )
    parser.add_argument(
        '--explain',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='the model: the page shows which places of the face spoke for its answer',
    )
    return parser.parse_args()


def explain_frames(config: str, checkpoint: str) -> Callable[[str], list[np.ndarray]]:
    """A function of a clip: the model's frames, each above its relevance for the answer."""
    import numpy as np

    from dferclip_mm.engine.model import load_model
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.explain import read_clip
    from dferclip_mm.explain.clip import predict
    from dferclip_mm.explain.face import overlay, patch_relevance

    cfg = load_config(config)
    model = load_model(cfg, checkpoint)

    def read(path: str) -> list[np.ndarray]:
        clip = read_clip(cfg, model, path, evaluated=True)
        relevance = patch_relevance(model, clip, int(predict(model, clip).argmax()))
        return [*np.concatenate([clip.frames, overlay(clip, relevance)], axis=1)]

    return read


def read_frames(path: str, count: int) -> list[np.ndarray]:
    """Frames of a clip, evenly spread from its first to its last; one: the middle one."""
    import numpy as np

    from dferclip_mm.transforms.clip_init import ClipInit
    from dferclip_mm.transforms.clip_opener import open_clip_frames

    with open_clip_frames({'filename': path}, ClipInit()) as reader:
        last = len(reader) - 1
        places = np.linspace(0, last, count) if count > 1 else [last // 2]
        shown = [round(place) for place in places]
        # A short clip repeats frames, and a video is only read forwards.
        frames = {index: reader.read(index) for index in dict.fromkeys(shown)}
        return [frames[index] for index in shown]


def main() -> None:
    """Print the table, write plots and page into the folder, and print their paths."""
    args = parse_arguments()

    from tqdm import tqdm

    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.evaluation.compare import read_run
    from dferclip_mm.evaluation.features import choose_features
    from dferclip_mm.evaluation.plots import confusion_figure, curves_figure
    from dferclip_mm.evaluation.report import render_report
    from dferclip_mm.evaluation.results import find_curves, format_scores, pool_results
    from dferclip_mm.files import atomic_write

    with friendly_errors():
        run = read_run(args.results or args.run, args.run.absolute().name)
        results = pool_results(run.parts)
        curves = find_curves(args.run)
        features = args.features and choose_features(args.features, results.clips)
        print(format_scores(results))
        figures = {'confusion matrix': confusion_figure(results.confusion, results.classes)}
        for name, each in curves.items():
            key = 'learning curves' if len(curves) == 1 else f'learning curves {name}'
            figures[key] = curves_figure(each)
        for name, figure in figures.items():
            path = args.run / f'{name.replace(" ", "_")}.png'
            figure.savefig(path, dpi=120)
            print(f'{name}: {path}')
        page = render_report(
            run,
            curves,
            read_frames,
            features,
            lambda clips: tqdm(clips, 'Reading', unit='clip'),
            explain=explain_frames(*args.explain) if args.explain else None,
        )
        atomic_write(args.run / 'report.html', page)
        print(f'page: {args.run / "report.html"}')


if __name__ == '__main__':
    run_program(main)
