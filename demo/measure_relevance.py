"""Measure whether relevance falls on what moves in drawn faces, for docs/explain.md.

Every face is drawn twice, with and without its expression: the pixels that differ are what moves.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from drawn_faces import ACTION_UNITS, draw_face, random_identity
from drawn_faces.action_units import BROW_UNITS, MOUTH_UNITS
from drawn_faces.expressions import CLASSES, random_course, unit_tracks
from drawn_faces.scenes import drifting_poses, expose, random_scene
from tqdm import tqdm

from dferclip_mm.engine.model import load_model
from dferclip_mm.engine.options import load_config
from dferclip_mm.explain.clip import Clip, class_logits, predict, read_clip
from dferclip_mm.explain.face import patch_relevance

PARTS = {'brows': BROW_UNITS, 'eyes': (5, 6, 7, 43), 'nose': (9,), 'mouth': MOUTH_UNITS}
# Grey levels by which a pixel differs that has moved.
MOVED = 24
SIZE, CHOICES = 96, 20


class DrawnClip(NamedTuple):
    """Frames (T, H, W, 3), and for each part, and all, which pixels it moves: (T, H, W)."""

    frames: np.ndarray
    moved: dict[str, np.ndarray]


def draw(emotion: str, num_frames: int, rng: np.random.Generator) -> DrawnClip:
    """Draw someone whom no corpus has, with an expression."""
    identity, course = random_identity(rng), random_course(rng)
    tracks = unit_tracks(emotion, num_frames=num_frames, course=course, rng=rng)
    poses, scene = drifting_poses(rng, num_frames=num_frames), random_scene(rng, size=SIZE)

    def frames(units: tuple[int, ...]) -> np.ndarray:
        shown = tracks * np.isin(list(ACTION_UNITS), units)
        return np.stack(
            [
                draw_face(
                    identity,
                    dict(zip(ACTION_UNITS, strengths, strict=True)),
                    pose=pose,
                    size=SIZE,
                    background=scene.background,
                )
                for strengths, pose in zip(shown, poses, strict=True)
            ]
        )

    rest, drawn = frames(()).astype(int), frames(tuple(ACTION_UNITS))
    versions = {'all': drawn, **{part: frames(units) for part, units in PARTS.items()}}
    moved = {part: np.abs(each - rest).max(-1) > MOVED for part, each in versions.items()}
    return DrawnClip(expose(drawn, scene, rng=rng), moved)


def shuffle_weights(model: Any) -> Any:
    """A copy whose backbone has the values of each of its tensors in another order."""
    shuffled = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in (*shuffled.backbone.parameters(), *shuffled.backbone.buffers()):
            order = torch.randperm(value.numel(), generator=generator)
            value.copy_(value.flatten()[order].view_as(value))
    return shuffled


def contrast(logits: torch.Tensor, label: int) -> torch.Tensor:
    """A class's logit less the mean of the others, a scalar, from (1, C)."""
    others = logits.shape[1] - 1
    return logits[0, label] - (logits[0].sum() - logits[0, label]) / others


@torch.no_grad()
def fall(model: Any, clip: Clip, label: int, order: np.ndarray, count: int, shape: tuple) -> float:
    """How far a class's score falls without the first `count` patches of each frame.

    They get the mean colour of their frame. The score is the logit less the mean of the others.
    """
    chosen = np.zeros(order.shape, bool)
    np.put_along_axis(chosen, order[:, :count], True, axis=1)
    mask = F.interpolate(
        torch.from_numpy(chosen.reshape(shape))[:, None].float(), size=clip.inputs.shape[-2:]
    )
    mean = clip.inputs.float().mean(dim=(2, 3), keepdim=True).to(torch.uint8)
    deleted = torch.where(mask > 0, mean, clip.inputs)
    logits = class_logits(model, torch.stack([clip.inputs, deleted]))
    return float(contrast(logits[:1], label) - contrast(logits[1:], label))


def measure(models: tuple, drawn: DrawnClip, clip: Clip, label: int) -> dict[str, float]:
    """All figures of one clip, for a model and its shuffled copy."""
    rng = np.random.default_rng(0)
    maps = [patch_relevance(each, clip, label) for each in models]
    found: dict[str, float] = {}
    for name, patches in zip(('', 'shuffled '), maps, strict=True):
        heat = np.stack([cv2.resize(each, (SIZE, SIZE)) for each in patches])
        for part, moved in drawn.moved.items():
            found[f'{name}{part}'] = (heat * moved).sum() / heat.sum()
            found[f'area of {part}'] = moved.mean()
        top = np.unravel_index(heat.argmax(), heat.shape)
        # Within half a patch.
        near = cv2.dilate(drawn.moved['all'][top[0]].astype(np.uint8), np.ones((9, 9)))
        found[f'{name}top'] = near[top[1:]]
        found[f'{name}area near'] = near.mean()
    ranks = [each.flatten().argsort().argsort() for each in maps]
    found['correlation'] = np.corrcoef(*ranks)[0, 1]
    flat = maps[0].reshape(len(maps[0]), -1)
    count = max(1, round(0.1 * flat.shape[1]))
    places = np.tile(np.arange(flat.shape[1]), (len(flat), 1))
    orders = [np.argsort(-flat, axis=1), *(rng.permuted(places, axis=1) for _ in range(CHOICES))]
    falls = [fall(models[0], clip, label, order, count, maps[0].shape) for order in orders]
    found['fall'], found['random fall'] = falls[0], float(np.mean(falls[1:]))
    found['more than most'] = np.mean([falls[0] > each for each in falls[1:]]) >= 0.95
    return found


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('--clips-per-class', type=int, default=20)
    parser.add_argument('--out', type=Path, help='table to write, a row for each clip')
    args = parser.parse_args()
    cfg = load_config(args.config)
    model = load_model(cfg, args.checkpoint)
    shuffled = shuffle_weights(model)
    rows, asked = [], 0
    moving = [name for name in CLASSES if name != 'neutral']
    for number in tqdm(range(args.clips_per_class), 'Measuring', unit='person'):
        for emotion in moving:
            rng = np.random.default_rng([7, number, CLASSES.index(emotion)])
            drawn = draw(emotion, model.num_frames, rng)
            clip, label = read_clip(cfg, model, drawn.frames), model.cls_head.classes.index(emotion)
            asked += 1
            if predict(model, clip).argmax() == label:
                rows.append({'class': emotion, **measure((model, shuffled), drawn, clip, label)})
    table = pd.DataFrame(rows)
    if args.out:
        table.to_csv(args.out, index=False)
    mean = table.drop(columns='class').mean()
    print(f'{len(table)} of {asked} clips answered right, and measured')
    print(
        f'on what moves: {mean["all"]:.1%} of the relevance, {mean["shuffled all"]:.1%} with '
        f'shuffled weights, {mean["area of all"]:.1%} of the pixels'
    )
    print(
        f'the most relevant place is what moves: {mean["top"]:.0%} of the clips, '
        f'{mean["shuffled top"]:.0%} with shuffled weights, {mean["area near"]:.0%} by chance'
    )
    print(f'rank correlation with the map of shuffled weights: {mean["correlation"]:.2f}')
    print(
        f'a tenth of the patches deleted: the score falls by {mean["fall"]:.2f}, by '
        f'{mean["random fall"]:.2f} with random ones; by more than 19 of 20 random choices in '
        f'{mean["more than most"]:.0%} of the clips'
    )
    share = table.groupby('class').mean().loc[moving]
    times = {part: share[part] / share[f'area of {part}'] for part in PARTS}
    enough = {part: share[f'area of {part}'] > 0.003 for part in PARTS}
    shown = pd.DataFrame(times).where(pd.DataFrame(enough))
    print('relevance of a part that moves, in multiples of its area (empty: hardly moves)')
    print(shown.to_string(float_format='{:.1f}'.format, na_rep=''))


if __name__ == '__main__':
    main()
