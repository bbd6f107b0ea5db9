"""Tiny clips on the disk: frame folders, videos and list files, and the steps that read them."""

import struct
from pathlib import Path

import cv2
import numpy as np


def write_frames(folder, count=3, size=(12, 16), names=None):
    """Frames of one grey level each (10 times their number), as JPEG."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = names[number] if names else f'{number + 1:05}.jpg'
        cv2.imwrite(str(folder / name), np.full((*size, 3), 10 * number, np.uint8))
    return folder


def write_video(path, count=20, size=(48, 64)):
    """A video whose frames are of one grey level each, 10 times their number."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = 'MJPG' if path.suffix == '.avi' else 'mp4v'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, size[::-1])
    for number in range(count):
        writer.write(np.full((*size, 3), 10 * number, np.uint8))
    writer.release()
    return path


def write_text(path, text, encoding='utf-8'):
    """A list file, its folders made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


# A clip as a model takes it.
PACK = (dict(type='FormatShape', input_format='NCHW'), dict(type='PackActionInputs'))


def read_steps(num_frames=2, *after, test_mode=True):
    """A pipeline that reads some frames of a clip, and what comes after it, such as ``*PACK``."""
    sample = dict(type='SampleSegments', num_frames=num_frames, test_mode=test_mode)
    return [dict(type='ClipInit'), sample, dict(type='ClipDecode'), *after]


def set_matrix(path, a, b, c, d):
    """Set the display matrix of an MP4's pictures: (x, y) is shown at (ax + cy, bx + dy)."""
    content = bytearray(path.read_bytes())
    start = content.index(b'tkhd') + 4 + 40
    one = 1 << 16
    matrix = (int(a * one), int(b * one), 0, int(c * one), int(d * one), 0, 64 * one, 0, 1 << 30)
    content[start : start + 36] = struct.pack('>9i', *matrix)
    path.write_bytes(content)
