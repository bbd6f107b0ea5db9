"""Reads every clip of a list with every decoder, for a parent that watches whether it survives.

``python media_child.py ROOT``: a line of JSON before and after each reading. A reading that takes
longer than 20 seconds ends the process by SIGALRM, and memory is limited.
"""

from __future__ import annotations

import json
import logging
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.registry import init_default_scope

from dferclip_mm.datasets import DFEWDataset

SAMPLED = 8
SECONDS, MEMORY = 20, 4 << 30


@TRANSFORMS.register_module()
class FrameFolder(BaseTransform):
    """Gives the host's RawFrameDecode what its own datasets would: frames counted from 1."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        return results | dict(frame_dir=results['filename'], filename_tmpl='{}.jpg', offset=1)


OURS = ('ClipInit', 'ClipDecode')
DECODERS = {
    'ClipInit': OURS,
    'Decord': ('DecordInit', 'DecordDecode'),
    'OpenCV': ('OpenCVInit', 'OpenCVDecode'),
    'PyAV': ('PyAVInit', 'PyAVDecode'),
    'RawFrame': ('FrameFolder', 'RawFrameDecode'),
}
MODES = ('training', 'testing')


def build(root: Path, decoder: str, mode: str) -> DFEWDataset:
    """The clips of ``root/list.txt``, read as users would: no clip stands for another."""
    opened, decoded = DECODERS[decoder]
    testing = mode == 'testing'
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
        test_mode=testing,
        unreadable='raise',
        # The host's own loop around a failing clip would hide it.
        max_refetch=0,
        pipeline=[
            dict(type=opened),
            dict(type='SampleSegments', num_frames=SAMPLED, test_mode=testing),
            dict(type=decoded),
            dict(type='Resize', scale=(16, 16), keep_ratio=False),
            dict(type='FormatShape', input_format='NCHW'),
            dict(type='PackActionInputs'),
        ],
    )


def outcome(dataset: DFEWDataset, index: int) -> dict[str, Any]:
    """What reading a clip ends in: how many different frames, or an error's type and words."""
    try:
        frames = dataset[index]['inputs']
    except Exception as error:
        return dict(error=f'{type(error).__module__}.{type(error).__name__}', said=str(error))
    corner = frames.float()[:, :, 9:, 9:].mean(dim=(1, 2, 3)).div(10).round()
    return dict(shape=list(frames.shape), distinct=len(set(corner.tolist())))


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def main(root: Path, decoders: list[str]) -> None:
    """Read each clip with each decoder, for training and testing."""
    init_default_scope('mmaction')
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for decoder in decoders:
        for mode in MODES:
            dataset = build(root, decoder, mode)
            for index in range(len(dataset)):
                # At the next item, so that a parent knows which one a dead child was at.
                line = dataset.get_data_info(index)['ann_line']
                item = dict(decoder=decoder, mode=mode, line=line)
                tell(begins=item)
                np.random.seed(line)
                signal.alarm(SECONDS)
                tell(**item, **outcome(dataset, index))
                signal.alarm(0)
    tell(done=True)


if __name__ == '__main__':
    main(Path(sys.argv[1]), sys.argv[2:] or list(DECODERS))
