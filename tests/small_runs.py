"""The shipped configs at small size, over the corpora in small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mini_corpora import (
    FERV39K_WORDS,
    SPLITS,
    write_clip,
    write_dfew,
    write_ferv39k,
    write_mafw,
    write_text,
)
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from dferclip_mm.engine.run import build_runner, load_config

CONFIGS = Path(__file__).resolve().parent.parent / 'configs'
AFEW_SPLITS = {'train': 'train', 'test': 'validation'}
SIDE, FRAMES, WIDTH = 32, 4, 32
ARCH = dict(
    embed_dim=WIDTH,
    quick_gelu=True,
    vision_cfg=dict(image_size=SIDE, layers=1, width=64, patch_size=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)


def write_corpora(root: Path) -> None:
    """DFEW, FERV39k, MAFW with compounds, AFEW and scores, three frames a clip."""
    for name, writer in {'DFEW': write_dfew, 'FERV39k': write_ferv39k, 'MAFW': write_mafw}.items():
        writer(root / name, num_frames=3)
    lists = root / 'MAFW/Train & Test Set'
    scores = ['clip,severity,split']
    for number, split in enumerate(SPLITS, 1):
        # A clip without an English caption: MAFW has some.
        captions = lists / f'single/with_caption/set_1/{split}.txt'
        silent = f'\r\n{4 + number:05}.mp4\tneutral\t一个人在说话。\t'
        write_text(captions, captions.read_text('gbk') + silent, 'gbk')
        compounds = f'{number:05}.mp4 anger_disgust\r\n{2 + number:05}.mp4 fear'
        write_text(lists / f'compound/no_caption/set_1/{split}.txt', compounds)
        for word in FERV39K_WORDS[:5]:
            write_clip(root / f'AFEW/AFEW_Face/{AFEW_SPLITS[split]}/{word}/1', 3, 'jpg')
        for clip in range(4):
            write_clip(root / f'scores/clips/{split}{clip}', 3, 'jpg')
            scores.append(f'{split}{clip},{clip / 2},{split}')
    write_text(root / 'scores/scores.csv', '\n'.join(scores))


def shrink(cfg: Config, root: Path) -> Config:
    """Another CLIP, small frames and few of them; the corpus of the same name below `root`."""
    model, head = cfg.model, cfg.model.cls_head
    model.num_frames = FRAMES
    for tower in (model.backbone, head.get('text_encoder')):
        if tower is not None:
            tower.update(arch=ConfigDict(ARCH), pretrained=None)
    if model.get('neck') is not None:
        model.neck.update(
            in_channels=WIDTH, embed_dims=WIDTH, max_frames=FRAMES, head_dim=8, mlp_dim=16
        )
    if 'in_channels' in head:
        head.in_channels = WIDTH
    for part in ('train', 'val', 'test'):
        loader = cfg.get(f'{part}_dataloader')
        if loader is None:
            continue
        loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)
        loader.dataset.data_root = str(root / Path(loader.dataset.data_root).name)
        for step in loader.dataset.pipeline:
            for key, value in (('num_frames', FRAMES), ('size', SIDE), ('crop_size', SIDE)):
                if key in step:
                    step[key] = value
    if cfg.get('train_cfg') is not None:
        cfg.train_cfg.max_epochs = 1
    return cfg


def small_config(name: str, root: Path, work_dir: Path, **options: Any) -> Config:
    """A shipped config, `options` (dots as ``__``) merged, at small size."""
    merged = {key.replace('__', '.'): value for key, value in options.items()}
    cfg = load_config(CONFIGS / f'{name}.py', merged, work_dir=str(work_dir))
    return shrink(cfg, root)


def start(cfg: Config) -> Any:
    """The runner of a config, as in a new process."""
    for kept in (MMLogger, MessageHub, Visualizer, DefaultScope):
        kept._instance_dict.clear()
    return build_runner(cfg)
