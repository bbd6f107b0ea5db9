"""Parameters and operations of a model for one clip: ``python tools/complexity.py CONFIG``."""

from __future__ import annotations

import argparse

from arguments import add_cfg_options, run_program


def parse_arguments() -> argparse.Namespace:
    """Config and shape of a clip."""
    parser = argparse.ArgumentParser(
        description='Trained and frozen weights and floating-point operations of a model for one '
        'clip in evaluation. No weights are loaded.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape',
        type=int,
        nargs='+',
        metavar='N',
        help='of a clip as the model gets it: frames 3 height width (default: as '
        'large as CLIP takes, else 224 x 224), or for '
        'Recognizer3D views 3 frames height width',
    )
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Build the model without weights, and print the table."""
    args = parse_arguments()

    from mmaction.registry import MODELS
    from mmengine.registry import init_default_scope

    from dferclip_mm.engine.complexity import count, without_weights
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        model = MODELS.build(without_weights(cfg.model)).eval()
        frames = cfg.model.get('num_frames')
        if args.shape is None and frames is None:
            raise ValueError(f'{cfg.model.type}: give --shape, such as 1 3 16 224 224')
        size = getattr(model.backbone, 'image_size', (224, 224))
        shape = args.shape or (frames, 3, *size)
        rows = count(model, shape)
    print(f'{"":20} {"trained":>12} {"frozen":>12} {"GFLOP":>10}')
    for name, trained, frozen, operations in rows:
        print(f'{name:20} {trained / 1e6:10.3f} M {frozen / 1e6:10.3f} M {operations / 1e9:10.3f}')
    print(
        f'one clip of shape {" x ".join(map(str, shape))}; a multiplication with an addition is 2 '
        'operations; texts are encoded once, not for each clip, and not counted'
    )


if __name__ == '__main__':
    run_program(main)
