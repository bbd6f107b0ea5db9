"""Publish a trained model: ``python tools/publish_model.py CONFIG CHECKPOINT OUT [options]``."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arguments import add_cfg_options, run_program


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
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Load strictly, replace the text tower by its features, write."""
    args = parse_arguments()

    from dferclip_mm.converters import bake_text_features, serialize
    from dferclip_mm.engine.model import load_model
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.faces.crop import find_template
    from dferclip_mm.files import atomic_write
    from dferclip_mm.models.clip.lora import merge_lora

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options)
        model = merge_lora(load_model(cfg, args.checkpoint))
        state, published = bake_text_features(model, cfg)
        template = find_template(args.checkpoint)
    meta: dict[str, Any] = {'classes': list(model.cls_head.classes)}
    if template:
        meta['crop'] = asdict(template)
    weights = serialize({'meta': meta, 'state_dict': state})
    out = Path(args.out.removesuffix('.pth'))
    out = out.with_name(f'{out.name}-{hashlib.sha256(weights).hexdigest()[:8]}')
    files = {Path(f'{out}.pth'): weights, Path(f'{out}.py'): published.pretty_text.encode()}
    with friendly_errors():
        for path, data in files.items():
            atomic_write(path, data)
    for path in files:
        print(f'wrote {path}')


if __name__ == '__main__':
    run_program(main)
