"""The one way to make a small training run.

``small_config`` shrinks a shipped config, or takes the linear model on points (``'toy'``);
``frozen_config`` does so for training behind a frozen encoder, from pixels or cached features;
``start`` builds its runner in this process; ``run_tool`` runs a program of tools/ in this process;
``launch`` starts a training of several processes through tools/dist_train.sh.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import open_clip
import torch
from mini_corpora import (
    FERV39K_WORDS,
    SPLITS,
    write_clip,
    write_dfew,
    write_ferv39k,
    write_mafw,
    write_text,
)
from mmaction.registry import MODELS
from mmaction.visualization import ActionVisualizer
from mmengine.config import Config, ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from dferclip_mm.engine.options import load_config
from dferclip_mm.engine.run import build_runner

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CONFIGS, TOOLS = ROOT / 'configs', ROOT / 'tools'
TOY = HERE / 'toy_config.py'
AFEW_SPLITS = {'train': 'train', 'test': 'validation'}
SIDE, FRAMES, WIDTH = 32, 4, 32
ARCH = dict(
    embed_dim=WIDTH,
    quick_gelu=True,
    vision_cfg=dict(image_size=SIDE, layers=2, width=64, patch_size=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2),
)


def write_corpora(root: Path) -> None:
    """DFEW, FERV39k, MAFW with compounds, AFEW and scores, three frames in each clip."""
    for name, writer in {'DFEW': write_dfew, 'FERV39k': write_ferv39k, 'MAFW': write_mafw}.items():
        writer(root / name, num_frames=3)
    lists = root / 'MAFW/Train & Test Set'
    scores = ['clip,severity,split']
    for number, split in enumerate(SPLITS, 1):
        # A clip without an English caption: MAFW has some.
        captions = lists / f'single/with_caption/set_1/{split}.txt'
        no_english = f'\r\n{4 + number:05}.mp4\tneutral\t一个人在说话。\t'
        write_text(captions, captions.read_text('gbk') + no_english, 'gbk')
        compounds = f'{number:05}.mp4 anger_disgust\r\n{2 + number:05}.mp4 fear'
        write_text(lists / f'compound/no_caption/set_1/{split}.txt', compounds)
        for word in FERV39K_WORDS[:5]:
            write_clip(root / f'AFEW/AFEW_Face/{AFEW_SPLITS[split]}/{word}/1', 3, 'jpg')
        for clip in range(4):
            write_clip(root / f'scores/clips/{split}{clip}', 3, 'jpg')
            scores.append(f'{split}{clip},{clip / 2},{split}')
    write_text(root / 'scores/scores.csv', '\n'.join(scores))


def shrink_steps(steps: Iterable[Any], side: int = SIDE, frames: int = FRAMES) -> None:
    """Frames of `side` pixels in the steps of a pipeline, and no more than `frames`."""
    for step in steps:
        if step['type'] == 'Resize':
            step.update(scale=(side, side), keep_ratio=False)
        for key in ('size', 'crop_size', 'input_size'):
            if key in step:
                step[key] = side
        for key in ('num_frames', 'clip_len'):
            if key in step:
                step[key] = min(step[key], frames)


def shrink_loader(loader: Any, side: int = SIDE, frames: int = FRAMES) -> None:
    """Two clips in a batch, loaded in this process by a small pipeline."""
    loader.update(batch_size=2, num_workers=0, persistent_workers=False, pin_memory=False)
    shrink_steps(loader.dataset.pipeline, side, frames)


def shrink(cfg: Config, root: Path) -> None:
    """Small towers, few small frames, one epoch; the corpus of the same name below `root`."""
    model, head = cfg.model, cfg.model.cls_head
    backbone, width = model.backbone, WIDTH
    for tower in (backbone, head.get('text_encoder')):
        if tower is not None and tower.type.startswith('CLIP'):
            tower.update(arch=ConfigDict(ARCH), pretrained=None)
    if model.type == 'FrameRecognizer':
        model.num_frames = FRAMES
    if backbone.type == 'VisionTransformer':
        width = 48
        backbone.update(img_size=SIDE, embed_dims=width, depth=2, num_heads=3, num_frames=FRAMES)
    elif backbone.type == 'SwinTransformer3D':
        width = 768
        backbone.arch = dict(embed_dims=96, depths=[1] * 4, num_heads=[3, 6, 12, 24])
    elif backbone.type == 'ResNetTSM':
        width, backbone.num_segments = 2048, FRAMES
    if model.get('neck') is not None:
        model.neck.update(
            in_channels=width, embed_dims=WIDTH, max_frames=FRAMES, head_dim=8, mlp_dim=16
        )
    if 'in_channels' in head:
        head.in_channels = width
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        if loader is not None:
            shrink_loader(loader)
            loader.dataset.data_root = str(root / Path(loader.dataset.data_root).name)
            # Cached frame features say how their pixels are made.
            shrink_steps(loader.dataset.pipeline[0].get('pixels', ()))
    if cfg.get('train_cfg') is not None:
        cfg.train_cfg.max_epochs = 1


def small_config(
    name: str, root: Path | None = None, work_dir: Path | None = None, **options: Any
) -> Config:
    """A small config.

    Args:
        name: of a shipped config, or ``'toy'``.
        root: the folder of the corpora, see `write_corpora`; not for ``'toy'``.
        work_dir: the run's folder.
        options: settings to merge, with ``__`` for dots.
    """
    merged = {key.replace('__', '.'): value for key, value in options.items()}
    if work_dir is not None:
        merged['work_dir'] = str(work_dir)
    if name == 'toy':
        return load_config(TOY, merged)
    cfg = load_config(CONFIGS / f'{name}.py', merged)
    assert root is not None
    shrink(cfg, root)
    return cfg


def write_frozen_corpus(root: Path, folds: int = 1) -> Path:
    """A DFEW of clips of 11 frames below `root`, and weights of a small CLIP beside it."""
    write_dfew(root / 'DFEW', num_frames=11, folds=folds)
    write_weights(root / 'clip.pt', seed=0)
    return root


def write_weights(path: Path, seed: int) -> Path:
    """A weights file of a small CLIP."""
    torch.manual_seed(seed)
    torch.save(open_clip.CLIP(**ARCH).state_dict(), path)
    return path


def small_model(image: Any, text: Any, frames: int = FRAMES, **neck: Any) -> dict[str, Any]:
    """The config of a DFER-CLIP with these architectures in its towers."""
    pixels = dict(mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCHW')
    return dict(
        type='FrameRecognizer',
        num_frames=frames,
        data_preprocessor=dict(type='ActionDataPreprocessor', **pixels),
        backbone=dict(type='CLIPVisualEncoder', arch=image),
        neck=dict(type='TemporalTransformer', num_heads=2, head_dim=16, mlp_dim=64, **neck),
        cls_head=dict(
            type='TextPromptHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', arch=text),
            num_context=4,
        ),
    )


def write_model(model: Any, path: Path | str) -> str:
    """A checkpoint of an untrained model, given as such or as its config; the path."""
    if isinstance(model, dict):
        model = MODELS.build(model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return str(path)


def frozen_config(name: str, root: Path, work_dir: Path, **options: Any) -> Config:
    """A small `dferclip_dfew_frozen` or `dferclip_dfew_frozen_cached`; see `write_frozen_corpus`.

    `options` are merged into the `FrameFeaturesInit` of all pipelines.
    """
    cfg = small_config(name, root, work_dir)
    cfg.train_cfg.max_epochs = 2
    for tower in (cfg.model.backbone, cfg.model.cls_head.text_encoder):
        tower.pretrained = str(root / 'clip.pt')
    for split in ('train', 'val', 'test'):
        first = cfg[f'{split}_dataloader'].dataset.pipeline[0]
        if first.type == 'FrameFeaturesInit':
            first.update(cache=str(root / 'features'), **options)
    return cfg


def count_iterations(cfg: Config, count: int) -> None:
    """Train `count` iterations instead of epochs, validate and save after the last."""
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler', shuffle=True)
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=count, val_interval=count)
    cfg.param_scheduler = None
    cfg.log_processor = dict(by_epoch=False)
    cfg.default_hooks.checkpoint.update(interval=count, by_epoch=False)


def forget_runs() -> None:
    """Clear what MMEngine keeps by run name and second; a new process has none of it."""
    for kept in (MMLogger, MessageHub, Visualizer, ActionVisualizer, DefaultScope):
        kept._instance_dict.clear()


def start(cfg: Config) -> Any:
    """The runner of a config, as in a new process."""
    forget_runs()
    return build_runner(cfg)


def run_tool(name: str, *arguments: object) -> None:
    """Run ``python tools/NAME.py ARGUMENTS`` in this process."""
    program, before = str(TOOLS / f'{name}.py'), sys.argv
    forget_runs()
    sys.argv = [program, *map(str, arguments)]
    try:
        runpy.run_path(program, run_name='__main__')
    finally:
        sys.argv = before


def launch(
    config: Path | str, processes: int, *options: str, **environment: str
) -> subprocess.Popen[str]:
    """Start ``tools/dist_train.sh CONFIG PROCESSES OPTIONS``; stderr goes into stdout."""
    python_path = os.pathsep.join([str(ROOT), str(ROOT / 'demo'), str(HERE)])
    settings = dict(PYTHON=sys.executable, OMP_NUM_THREADS='1', PYTHONPATH=python_path)
    return subprocess.Popen(
        [str(TOOLS / 'dist_train.sh'), str(config), str(processes), *options],
        env={**os.environ, **settings, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ignored in what a shell starts in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(process: subprocess.Popen[str], timeout: int = 600) -> tuple[int, str]:
    """Wait for a launched run: its exit code and its output."""
    output, _ = process.communicate(timeout=timeout)
    return process.returncode, output
