"""Clips to features: ``python tools/extract_features.py CONFIG CHECKPOINT OUT.npz [options]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from arguments import add_cfg_options, add_data_options, run_program

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_arguments() -> argparse.Namespace:
    """Model, clips, target."""
    parser = argparse.ArgumentParser(
        description='Write the features of all clips of a dataset: features (N, D), clips (N,), '
        'and, where they exist, labels (N,), scores (N, K), logits (N, C), classes and targets.'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help="checkpoint file or URL; 'none' for CLIP as published")
    parser.add_argument('out', type=Path, help='file to write, .npz')
    parser.add_argument(
        '--data',
        choices=('train', 'val', 'test'),
        default='test',
        help='whose clips: of this dataloader, but always through the test pipeline',
    )
    parser.add_argument('--batch-size', type=int, default=16, help='clips at a time')
    parser.add_argument('--workers', type=int, default=0, help='processes that read clips')
    add_data_options(parser)
    add_cfg_options(parser)
    return parser.parse_args()


def dataset_settings(cfg: Config, data: str) -> dict:
    """The dataset of a dataloader, with the test pipeline.

    Raises:
        SystemExit: when the config has no such dataloader.
    """
    from dferclip_mm.engine.lookup import find_test_dataset

    loader = cfg.get(f'{data}_dataloader')
    if loader is None:
        raise SystemExit(f'error: the config has no {data}_dataloader: choose another --data')
    pipeline = find_test_dataset(cfg).pipeline
    settings = {**loader.dataset, 'pipeline': pipeline, 'test_mode': True}
    # A clip that cannot be read must not get the features of another clip, or of an empty one.
    return {**settings, 'unreadable': 'raise'} if 'unreadable' in settings else settings


def main() -> None:
    """Load the model, compute what is missing, write the file."""
    args = parse_arguments()

    import torch
    from mmaction.registry import DATASETS
    from mmengine.dataset import pseudo_collate
    from mmengine.registry import init_default_scope
    from torch.utils.data import DataLoader
    from tqdm import tqdm

    from dferclip_mm.engine.model import load_model
    from dferclip_mm.engine.options import load_config
    from dferclip_mm.engine.run import friendly_errors
    from dferclip_mm.precompute.clip_features import clip_features, write_features

    with friendly_errors():
        cfg = load_config(args.config, args.cfg_options, data_root=args.data_root, fold=args.fold)
        init_default_scope(cfg.get('default_scope', 'mmaction'))
        # Before the model, whose weights may be downloaded.
        dataset = DATASETS.build(dataset_settings(cfg, args.data))
        model = load_model(cfg, args.checkpoint)
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
        model.to(device)
        names = {name: dataset.metainfo[name] for name in ('targets',) if name in dataset.metainfo}
        classes = getattr(model.cls_head, 'classes', None) or dataset.metainfo.get('classes')
        if classes:
            names['classes'] = classes
        loader: DataLoader = DataLoader(
            dataset, args.batch_size, num_workers=args.workers, collate_fn=pseudo_collate
        )
        batches = tqdm(loader, desc='Extracting', unit='batch')
        write_features(args.out, (clip_features(model, batch) for batch in batches), **names)
    print(f'wrote {args.out}: {len(dataset)} clips')


if __name__ == '__main__':
    run_program(main)
