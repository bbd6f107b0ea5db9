"""Export a trained model to ONNX: ``python tools/export_model.py CONFIG CHECKPOINT OUT.onnx``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from arguments import add_cfg_options, run_program


def parse_arguments() -> argparse.Namespace:
    """The run's config and checkpoint, the file, its numbers."""
    parser = argparse.ArgumentParser(
        description='Write one ONNX file from uint8 RGB frames (clips, length, height, width, 3) '
        'to class probabilities, with the text features inside instead of the text tower. It is '
        'compared with PyTorch before it is put in place, and its metadata says which classes it '
        'scores and how its frames are chosen and resized.'
    )
    parser.add_argument('config', help='config that the model was trained with')
    parser.add_argument('checkpoint', help="its checkpoint, or 'none' for plain CLIP")
    parser.add_argument('out', help='file to write, OUT.onnx')
    parser.add_argument(
        '--int8',
        action='store_true',
        help='weights of linear layers in 8 bits: a smaller, faster file with other figures, '
        'which are compared and printed',
    )
    add_cfg_options(parser)
    args = parser.parse_args()
    if not args.out.endswith('.onnx'):
        parser.error(f'expected a name that ends in .onnx, found {args.out}')
    return args


def main() -> None:
    """Load strictly, export, compare, write."""
    args = parse_arguments()

    from pathlib import Path

    from dferclip_mm.engine.lookup import find_test_dataset
    from dferclip_mm.engine.model import load_model
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.export import describe_model, write_onnx
    from dferclip_mm.faces.crop import find_template
    from dferclip_mm.files import format_bytes
    from dferclip_mm.models.recognizers.frame_recognizer import takes_any_length

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        find_test_dataset(cfg)
        model = load_model(cfg, args.checkpoint)
        metadata = describe_model(cfg, model)
        template = find_template(args.checkpoint)
        if template is not None:
            # How faces are cropped, for analyze.py.
            metadata['crop'] = asdict(template)
        shape = (metadata['num_frames'], *metadata['size'])
        difference = write_onnx(model, args.out, shape, metadata=metadata, int8=args.int8)
    length = 'any length' if takes_any_length(model) else f'{shape[0]} frames'
    print(
        f'wrote {args.out} ({format_bytes(Path(args.out).stat().st_size)}): clips of {length} of '
        f'{shape[1]} x {shape[2]} pixels to {len(metadata["classes"])} probabilities'
    )
    print(f'largest difference from PyTorch on random clips: {difference:.1e}')


if __name__ == '__main__':
    run_program(main)
