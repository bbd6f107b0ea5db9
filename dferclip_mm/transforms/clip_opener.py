"""Clips of a dataset opened outside of a run: checked, packed or encoded frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose

from .clip_init import ClipInit


def find_clip_init(pipeline: Iterable[Any]) -> ClipInit:
    """The `ClipInit` of a pipeline, as in a config; one with the defaults where there is none."""
    for step in iterate_steps(pipeline):
        if issubclass(class_of(step), ClipInit):
            return TRANSFORMS.build(step) if isinstance(step, Mapping) else step
    return ClipInit()


@contextmanager
def open_clip_frames(info: Mapping[str, Any], clip_init: ClipInit) -> Iterator[Any]:
    """The reader (``len``, ``read``) of a clip's frames, closed at the end of the block.

    ``info`` is what its dataset says of the clip, with its path as ``filename``. Raises
    ClipReadError if it cannot be opened.
    """
    opened: Any = clip_init(dict(info))
    reader = opened['clip_reader']
    try:
        yield reader
    finally:
        reader.close()


def iterate_steps(pipeline: Any) -> Iterator[Any]:
    """The transforms of a pipeline as in a config, nested ones (``RandomApply``) before theirs."""
    for step in pipeline:
        if isinstance(step, Mapping):
            inner = step.get('transforms')
            if inner and not isinstance(inner, str):
                yield from iterate_steps([inner] if isinstance(inner, Mapping) else inner)
            yield step
        elif isinstance(step, list | tuple):
            yield from iterate_steps(step)
        else:
            yield step


def class_of(step: Any) -> type:
    """The class of a transform or of its settings; ``object`` for an unknown name."""
    if not isinstance(step, Mapping):
        return type(step)
    kind = step.get('type')
    found = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return found if isinstance(found, type) else object


def find_frame_steps(pipeline: Sequence[Mapping[str, Any]]) -> tuple[int, Compose]:
    """Frames of a clip, and the steps between decoding and packing, of a test pipeline.

    Raises:
        ValueError: when it has no such steps.
    """
    names = [step['type'] for step in pipeline]
    counts = [step['num_frames'] for step in pipeline if 'num_frames' in step]
    if 'ClipDecode' not in names or names[-1] != 'PackActionInputs' or len(counts) != 1:
        raise ValueError(
            'expected a test pipeline with num_frames, ClipDecode and, at its end, '
            f'PackActionInputs, found {", ".join(map(str, names))}'
        )
    return counts[0], Compose([*pipeline[names.index('ClipDecode') + 1 : -1]])
