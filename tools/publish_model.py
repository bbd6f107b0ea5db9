"""Publish a trained model: ``python tools/publish_model.py CONFIG CHECKPOINT OUT [options]``."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from mmaction.registry import MODELS
from mmengine.config import DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

from dferclip_mm.checkpoints.load import check_checkpoint
from dferclip_mm.converters import bake_text_features, serialize, write_files
from dferclip_mm.engine.run import friendly_errors, load_config


def parse_arguments() -> argparse.Namespace:
    """The run's config and checkpoint, and a name for what comes out."""
    parser = argparse.ArgumentParser(
        description='Write a self-contained model for evaluation: OUT-HASH.pth with all weights '
        'and the text features, and OUT-HASH.py, its config. Neither needs the text tower, the '
        'prompts or pretrained weights. Evaluate with: tools/test.py OUT-HASH.py OUT-HASH.pth'
    )
    parser.add_argument('config', help='config that the model was trained with')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='name to write under; an ending .pth is dropped')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='as in train.py')
    return parser.parse_args()


def main() -> None:
    """Load strictly, replace the text tower by its features, write."""
    args = parse_arguments()
    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        check_checkpoint(args.checkpoint)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        model = MODELS.build(cfg.model)
        checkpoint = CheckpointLoader.load_checkpoint(args.checkpoint, map_location='cpu')
        try:
            model.load_state_dict(checkpoint.get('state_dict', checkpoint), strict=True)
        except RuntimeError as error:
            reason = ' '.join(str(error).split())[:600]
            raise SystemExit(
                f'error: {args.checkpoint} does not fit {args.config}: {reason}'
            ) from error
        state, published = bake_text_features(model, cfg)
    meta = {'classes': list(model.cls_head.classes)}
    weights = serialize({'meta': meta, 'state_dict': state})
    out = Path(args.out.removesuffix('.pth'))
    out = out.with_name(f'{out.name}-{hashlib.sha256(weights).hexdigest()[:8]}')
    files = {Path(f'{out}.pth'): weights, Path(f'{out}.py'): published.pretty_text.encode()}
    with friendly_errors():
        write_files(files)
    for path in files:
        print(f'wrote {path}')


if __name__ == '__main__':
    main()
