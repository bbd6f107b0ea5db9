"""Reads videos that were damaged at random, for a parent that watches whether it survives.

``python mutant_child.py ROOT COUNT``: each mutant is read by the decoders of videos; a line of
JSON for each reading.
"""

from __future__ import annotations

import logging
import resource
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from bad_media import encode
from media_child import build, outcome, tell
from mmengine.registry import init_default_scope

SECONDS, MEMORY = 8, 4 << 30
# Not decord: the FFmpeg in its wheel is of 2018 and dies of about one mutant in a thousand.
VIDEO_DECODERS = ('ClipInit', 'OpenCV', 'PyAV')
# Frames in few bytes, so that a mutation seldom falls into mere pixels.
BASES = {
    'mpeg4.mp4': encode('mp4', 'mpeg4', 12, (32, 32)),
    'h264.mp4': encode('mp4', 'libx264', 12, (32, 32), movflags='faststart'),
    'mjpeg.avi': encode('avi', 'mjpeg', 12, (32, 32)),
    'mpeg4.avi': encode('avi', 'mpeg4', 12, (32, 32)),
    'h264.mkv': encode('matroska', 'libx264', 12, (32, 32)),
    'mpeg1.mpg': encode('mpeg', 'mpeg1video', 12, (32, 32)),
}
# What a length or a size becomes when it is attacked.
EXTREMES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000)


def mutated(data: bytes, rng: np.random.RandomState) -> bytes:
    """One to three of: cut, flip bits, delete, insert, or set 32 bits to an extreme."""
    for _ in range(rng.randint(1, 4)):
        place, kind = rng.randint(len(data)), rng.randint(5)
        length = int(rng.choice([1, 4, 16, 200]))
        if kind == 0:
            data = data[: max(16, place)]
        elif kind == 1:
            changed = bytearray(data)
            for where in rng.randint(0, len(data), length):
                changed[where] ^= 1 << rng.randint(8)
            data = bytes(changed)
        elif kind == 2:
            data = data[:place] + data[place + length :]
        elif kind == 3:
            data = data[:place] + rng.bytes(length) + data[place:]
        else:
            value = int(rng.choice(EXTREMES)).to_bytes(4, ('big', 'little')[rng.randint(2)])
            data = data[:place] + value + data[place + 4 :]
        data = data or b'\0'
    return data


def main(root: Path, count: int) -> None:
    """Read `count` mutants of each base's turn with every decoder."""
    init_default_scope('mmaction')
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    (root / 'clips').mkdir()
    for name, data in BASES.items():
        (root / 'clips' / name).write_bytes(data)
    (root / 'list.txt').write_text('\n'.join(f'{name} 12 1' for name in BASES))
    datasets = {decoder: build(root, decoder, 'testing') for decoder in VIDEO_DECODERS}
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (60 + count, 60 + count))
    for number in range(count):
        index = number % len(BASES)
        name, data = list(BASES.items())[index]
        (root / 'clips' / name).write_bytes(mutated(data, np.random.RandomState(number)))
        for decoder, dataset in datasets.items():
            item = dict(mutant=number, base=name, decoder=decoder)
            tell(begins=item)
            signal.alarm(SECONDS)
            tell(**item, **outcome(dataset, index))
            signal.alarm(0)
    tell(done=True, memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == '__main__':
    main(Path(sys.argv[1]), int(sys.argv[2]))
