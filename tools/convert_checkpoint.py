"""Convert a published checkpoint: ``python tools/convert_checkpoint.py SRC DST [options]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import run_program

if TYPE_CHECKING:
    from dferclip_mm.converters import Converted

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'


def parse_arguments() -> argparse.Namespace:
    """Source and target, and what a published file does not say about itself."""
    parser = argparse.ArgumentParser(
        description='Convert a published checkpoint of DFER-CLIP, EmoCLIP or Exp-CLIP. Written are '
        'DST, beside it a config (DST with .py) that derives from --config and builds the model of '
        'the file, and the class sentences found in the file (.prompts.json). Evaluate with: '
        'tools/test.py DST.py DST.pth'
    )
    parser.add_argument('source', help='published checkpoint')
    parser.add_argument('target', help='checkpoint to write, a name that ends in .pth')
    parser.add_argument(
        '--classes',
        nargs='+',
        help='order of the classes: a corpus (dfew, ferv39k, mafw, afew) or all names; without '
        'it, dfew for 7 classes, mafw for 11',
    )
    parser.add_argument(
        '--context-position',
        choices=('end', 'middle', 'front'),
        default='end',
        help='where the text is put in the prompts; published files: end',
    )
    parser.add_argument(
        '--arch',
        help='CLIP that an Exp-CLIP file was trained over: ViT-L-14 without it, or ViT-B-32, '
        'ViT-B-16',
    )
    parser.add_argument(
        '--pretrained',
        default='openai',
        help="that CLIP's weights, which an Exp-CLIP file lacks: a tag or a file (openai)",
    )
    parser.add_argument(
        '--config',
        help="the experiment's config; without it, configs/dferclip_CORPUS.py for DFER-CLIP, "
        'configs/emoclip_mafw.py for EmoCLIP, configs/expclip_zeroshot_CORPUS.py for Exp-CLIP '
        '(dfew without --classes)',
    )
    parser.add_argument(
        '--back',
        action='store_true',
        help='write the published layout again from a checkpoint that this program made',
    )
    args = parser.parse_args()
    if Path(args.source).resolve() == Path(args.target).resolve():
        parser.error(f'{args.target} is the source itself: write to another file')
    return args


def default_config(converted: Converted, classes: str | list[str] | None) -> Path:
    """The config of the experiment that the checkpoint is of."""
    if converted.kind == 'EmoCLIP':
        return CONFIGS / 'emoclip_mafw.py'
    from dferclip_mm.emotions import CORPUS_CLASSES

    names = tuple(converted.meta.get('classes', CORPUS_CLASSES['dfew']))
    # DFEW's, FERV39k's and AFEW's classes are the same: only the user can tell them apart.
    found = [corpus for corpus, order in CORPUS_CLASSES.items() if order == names]
    corpus = classes if isinstance(classes, str) else next(iter(found), '')
    stem = 'expclip_zeroshot' if converted.kind == 'Exp-CLIP' else 'dferclip'
    path = CONFIGS / f'{stem}_{corpus.lower()}.py'
    if not path.is_file():
        raise SystemExit('error: there is no config for these classes: name one with --config')
    return path


def main() -> None:
    """Read, convert, write."""
    args = parse_arguments()

    from dferclip_mm.converters import (
        convert,
        convert_back,
        output_files,
        read_published,
        serialize,
    )
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.files import atomic_write

    source, target = Path(args.source), Path(args.target)
    classes = args.classes
    if classes is not None and len(classes) == 1:
        classes = classes[0]
    with friendly_errors():
        checkpoint = read_published(source)
        if args.back:
            files = {target: serialize(convert_back(checkpoint))}
        else:
            converted = convert(
                checkpoint, classes, args.context_position, args.arch, args.pretrained
            )
            config = Path(args.config) if args.config else default_config(converted, classes)
            files = output_files(converted, target, config)
        for path, data in files.items():
            atomic_write(path, data)
    for path in files:
        print(f'wrote {path}')


if __name__ == '__main__':
    run_program(main)
