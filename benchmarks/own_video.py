"""The analysis of a video: how fast it is, what takes the time, and how memory grows."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from drawn_faces.film import Film, Role, Shot, draw_film
from mmengine.config import Config

from dferclip_mm.faces.crop import DEFAULT_TEMPLATE, write_template
from dferclip_mm.inference import EmotionAnalyzer

from .measure import in_own_process
from .table import Row, median_row

RATE, THREADS, ROUNDS = 25, 2, 3
SHORT, LONG = 120, 7200


def build_analyzer(config: str, folder: Path, **settings: Any) -> EmotionAnalyzer:
    """An analyzer with random weights, in the shapes of OpenAI's ViT-B/32."""
    cfg = Config.fromfile(config)
    for part in (cfg.model.backbone, cfg.model.cls_head.text_encoder):
        part.update(arch='ViT-B-32-quickgelu', pretrained=None)
    cfg.dump(folder / 'config.py')
    write_template(folder / 'crop.json', DEFAULT_TEMPLATE)
    crop = folder / 'crop.json'
    return EmotionAnalyzer(folder / 'config.py', 'none', crop=crop, device='cpu', **settings)


def write_frames(path: Path, frames: Iterable[np.ndarray], width: int, height: int) -> None:
    """Write frames (H, W, 3) as H.264."""
    with av.open(str(path), 'w') as file:
        stream = file.add_stream('libx264', rate=RATE)
        stream.width, stream.height = width, height
        stream.options = {'preset': 'ultrafast', 'threads': '1'}
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        file.mux(stream.encode())


def timed(function: Callable, name: str, spent: dict[str, float]) -> Callable:
    """A function whose time is added up."""

    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.perf_counter() - start

    return call


def speed(config: str, folder: Path, seconds: int = 20) -> list[Row]:
    """Against real time on two threads, by the wall clock; and the share of each part."""
    torch.set_num_threads(THREADS)
    role = Role(person=0, path=((0, 0.8, 0.5, 0.5), (4, 1.0, 0.5, 0.5)))
    times = [number / RATE for number in range(min(4, seconds) * RATE)]
    film = Film(shots=(Shot(start=0, roles=(role,)),), times=times, width=640, height=360)
    drawn = [image for image, _ in draw_film(film)]
    # To and fro, so that there is no cut.
    loop = [*drawn, *drawn[::-1]]
    shown = (loop[number % len(loop)] for number in range(seconds * RATE))
    write_frames(folder / 'film.mp4', shown, film.width, film.height)
    analyzer, encoded = build_analyzer(config, folder), []
    spent: dict[str, float] = defaultdict(float)
    backbone, forward = analyzer.model.backbone, analyzer.model.backbone.forward
    backbone.forward = timed(lambda x: (encoded.append(len(x)), forward(x))[1], 'encoding', spent)
    analyzer.find = timed(analyzer.find, 'detection', spent)

    def decoding(frames: Iterator) -> Iterator:
        following = timed(lambda: next(frames, None), 'decoding', spent)
        return iter(following, None)

    ratios, faces = [], 0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        timeline = analyzer(str(folder / 'film.mp4'), progress=decoding)
        timed(timeline.save, 'writing', spent)(folder / 'out')
        ratios.append(seconds / (time.perf_counter() - start))
        faces += timeline.info['faces']
    total = sum(seconds / ratio for ratio in ratios)
    shares = [
        Row(f'own video: share of {name}', spent[name] / total)
        for name in ('decoding', 'detection', 'encoding', 'writing')
    ]
    return [
        median_row('own video ÷ real time, 640 x 360, 25 fps, 1 face, 2 threads', ratios, '≥ 1.5'),
        Row('own video: frames through the image encoder ÷ faces that are sampled',
            sum(encoded) / faces, '≤ 1'),
        *shares,
    ]  # fmt: skip


def peak_mib(config: str, folder: Path, seconds: int) -> float:
    """The peak memory of a process that analyses a small video of one face."""

    def frames() -> Iterator[np.ndarray]:
        for number in range(seconds * RATE):
            yield np.full((48, 64, 3), 100 + number // RATE % 50, np.uint8)

    path = folder / f'{seconds}.mp4'
    write_frames(path, frames(), 64, 48)

    def find(image: np.ndarray) -> Any:
        return [(10, 5, 40, 45)], np.full((1, 5, 2), np.nan), [1.0]

    # Few faces are encoded, for time; the tables are as long as ever.
    analyzer = build_analyzer(config, folder, detector=find, window=28.0)
    timeline = analyzer(str(path))
    timeline.to_csv(folder / 'faces.csv', 'faces')
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(config: str, folder: Path, long: int = LONG) -> list[Row]:
    """The peak of a long video against that of two minutes, each in a process of its own."""
    short, other = (in_own_process(peak_mib, config, folder, each) for each in (SHORT, long))
    return [
        Row(
            f'own video: peak memory, {long // 60} minutes ÷ {SHORT // 60}', other / short, '≤ 1.1'
        ),
        Row(f'own video: peak memory, {SHORT // 60} minutes, GiB', short / 1024),
    ]
