"""Why a model answers so: ``python tools/explain.py CLIP... --model CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arguments import add_cfg_options, run_program

if TYPE_CHECKING:
    from collections.abc import Callable


def parse_arguments() -> argparse.Namespace:
    """Clips, model, class, target."""
    parser = argparse.ArgumentParser(
        description='Draw why a model answers as it does: which frames decide (time.png), which '
        'places of the face (face.png), what each sentence does (sentences.csv), for each clip; '
        "the similarity of the classes' texts (texts.png) and the words that are nearest to "
        'learned context (near_words.csv), for the model. docs/explain.md says how to read them.'
    )
    parser.add_argument(
        'clips', nargs='+', metavar='CLIP', help='face crops: videos or frame folders'
    )
    parser.add_argument(
        '--model', nargs=2, required=True, metavar=('CONFIG', 'CHECKPOINT'), help='a trained model'
    )
    parser.add_argument('--out', type=Path, required=True, help='folder; each clip gets one in it')
    parser.add_argument(
        '--class', dest='label', metavar='NAME', help='explain this class (default: the answer)'
    )
    parser.add_argument(
        '--layer', metavar='NAME', help='of the backbone, whose map of features is drawn instead'
    )
    parser.add_argument('--device', help='cpu, cuda, …; a GPU where there is one by default')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Explain each clip, then the model's words; the files of a clip are written together."""
    args = parse_arguments()

    import torch
    from tqdm import tqdm

    from dferclip_mm.engine.lookup import find_test_dataset
    from dferclip_mm.engine.model import load_model
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.explain import face_figure, read_clip, texts_figure, time_figure
    from dferclip_mm.explain.clip import UndefinedError, predict
    from dferclip_mm.explain.words import near_words, sentence_effects
    from dferclip_mm.files import atomic_write

    names = [Path(clip).stem for clip in args.clips]
    undefined: dict[str, None] = {}
    failed = []

    def write(folder: Path, files: dict[str, Callable[[], Any]]) -> None:
        made = {}
        for file, make in files.items():
            try:
                made[file] = make()
            except UndefinedError as error:
                undefined[f'no {file}: {error}'] = None
        for file, found in made.items():
            if file.endswith('.csv'):
                atomic_write(folder / file, found.to_csv(index=False))
            else:
                atomic_write(folder / file, partial(found.savefig, format='png'))

    def explain(clip: Any) -> dict[str, Callable[[], Any]]:
        label = classes.index(args.label) if args.label else int(predict(model, clip).argmax())
        return {
            'time.png': lambda: time_figure(model, clip, label),
            'face.png': lambda: face_figure(model, clip, label, args.layer),
            'sentences.csv': lambda: sentence_effects(model, clip),
        }

    with friendly_errors():
        if len({*names}) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f'two clips are named {twice}, and each gets a folder of its name')
        cfg = load_config(args.model[0], args.cfg_options)
        find_test_dataset(cfg)
        model = load_model(cfg, args.model[1])
        model.to(args.device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        classes: Any = getattr(model.cls_head, 'classes', None)
        if not classes:
            raise ValueError(
                f'{type(model.cls_head).__name__} has no text for each class: explanations need a '
                'head such as TextPromptHead'
            )
        if args.label not in (None, *classes):
            raise ValueError(
                f'expected a class of the model ({", ".join(classes)}), found {args.label!r}'
            )
        for name, path in zip(names, tqdm(args.clips, 'Explaining', unit='clip'), strict=True):
            try:
                write(args.out / name, explain(read_clip(cfg, model, path)))
            except (ValueError, OSError) as error:
                failed.append(str(error))
        if len(failed) < len(names):
            texts = {
                'texts.png': lambda: texts_figure(model),
                'near_words.csv': lambda: near_words(model),
            }
            write(args.out, texts)
        print(*undefined, sep='\n', file=sys.stderr)
        if failed:
            raise ValueError(f'{len(failed)} of {len(names)} clips: {"; ".join(failed)}')
    print(f'explanations of {len(names)} clips: {args.out}')


if __name__ == '__main__':
    run_program(main)
