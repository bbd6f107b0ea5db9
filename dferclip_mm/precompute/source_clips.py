"""The clips that something is computed from: their names, their frames, and their state on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch.utils.data import DataLoader

from ..media.errors import ClipReadError, clip_error
from ..media.images import list_frames
from ..media.packed import PACKED_SUFFIX
from ..media.spans import split_span
from ..media.video_files import VIDEO_SUFFIXES
from ..transforms import ClipInit
from ..transforms.clip_opener import find_clip_init, open_clip_frames


class SourceState(NamedTuple):
    """A clip on disk at one moment. Take it before the frames are read.

    A change while they are read then makes the result stale, and not wrong.

    Attributes:
        path: of the frame folder or video.
        sizes: hash of the files' names and sizes; the name of a video does not count.
        times: hash of the times at which they were changed.
    """

    path: str
    sizes: str
    times: str

    @classmethod
    def of(cls, path: str) -> SourceState:
        """The present state of a clip; OSError when its files cannot be read."""
        if Path(path).is_dir():
            stats = [(each.name, each.stat()) for each in map(Path, list_frames(path))]
        else:
            stats = [('', Path(split_span(path)[0]).stat())]
        sizes = [(name, stat.st_size) for name, stat in stats]
        return cls(path, _hash(sizes), _hash([stat.st_mtime_ns for _, stat in stats]))

    def matches(self, path: str) -> bool:
        """Whether the clip at ``path`` is the same; at another path the times do not count."""
        now = SourceState.of(path)
        return now.sizes == self.sizes and (path != self.path or now.times == self.times)


class SourceClip(NamedTuple):
    """A clip of a dataset.

    Attributes:
        name: its path below the dataset's folder, without a suffix.
        item: what the dataset says of it: ``filename``, ``ann_file``, ``ann_line``.
        clip_init: opens it as its run does.
    """

    name: str
    item: dict[str, Any]
    clip_init: ClipInit

    @property
    def path(self) -> str:
        """Of the frame folder or video."""
        return self.item['filename']

    def state(self) -> SourceState:
        """Its present state; a `ClipReadError` when its files cannot be read."""
        try:
            return SourceState.of(self.path)
        except OSError as error:
            raise clip_error(self.item, str(error)) from error


def find_source_clips(datasets: Iterable[Any], pipelines: Iterable[Any]) -> list[SourceClip]:
    """The clips of several built datasets (splits, folds), each once; pipelines are of configs.

    Raises:
        ValueError: when two clips have the same name, or a clip lies outside its dataset.
    """
    found: dict[str, SourceClip] = {}
    for dataset, pipeline in zip(datasets, pipelines, strict=True):
        clip_init = find_clip_init(pipeline)
        folders = find_clip_folders(dataset)
        for index in range(len(dataset)):
            item = dataset.get_data_info(index)
            clip = SourceClip(find_clip_name(item['filename'], folders), item, clip_init)
            first = found.setdefault(clip.name, clip)
            if first.path != clip.path:
                raise ValueError(
                    f'{first.path} and {clip.path} have the same name, {clip.name}: use one folder '
                    'for each dataset'
                )
    return [*found.values()]


def find_clip_folders(dataset: Any) -> list[Path]:
    """The folders that a dataset's clips lie in, the innermost first."""
    folders = [*dataset.data_prefix.values(), dataset.data_root]
    return [Path(folder).absolute() for folder in folders if folder is not None]


def find_clip_name(path: str, folders: Sequence[Path]) -> str:
    """The name of a clip: its path below the first folder that holds it, without a suffix.

    Raises:
        ValueError: when none of the folders holds it.
    """
    # A part of a video keeps its times.
    file, _ = split_span(path)
    clip = Path(file).absolute()
    for folder in folders:
        if clip.is_relative_to(folder):
            known = clip.suffix.lower() in {*VIDEO_SUFFIXES, PACKED_SUFFIX}
            name = (clip.with_suffix('') if known else clip).relative_to(folder).as_posix()
            return name + path[len(file) :]
    raise ValueError(f'{path} lies outside {" and ".join(map(str, folders))}: check data_root')


def estimate_bytes(clips: Sequence[SourceClip], bytes_of: Callable[[Any], int]) -> int:
    """How much space clips will take, from the size by the reader of some 200 of them."""
    sizes = []
    for clip in clips[:: max(1, len(clips) // 200)]:
        # One that cannot be read is named later.
        with suppress(ValueError, OSError), open_clip_frames(clip.item, clip.clip_init) as reader:
            sizes.append(bytes_of(reader))
    return round(sum(sizes) / max(1, len(sizes)) * len(clips))


def map_clips(
    function: Callable[[SourceClip], Any], clips: Sequence[SourceClip], num_workers: int
) -> Iterator[Any]:
    """Results of a function, in order, computed in worker processes; 0: in this process.

    For a clip that cannot be read, the result is its `ClipReadError`; any other error is raised.
    """
    collate = partial(_result_or_error, function)
    # Any sequence is a dataset to it.
    loader: DataLoader = DataLoader(
        clips,  # type: ignore[arg-type]
        batch_size=None,
        num_workers=num_workers,
        collate_fn=collate,
    )
    for result in loader:
        if isinstance(result, Exception) and not isinstance(result, ClipReadError):
            raise result
        yield result


def _result_or_error(function: Callable[[SourceClip], Any], clip: SourceClip) -> Any:
    # The loader would put the worker's traceback into the message.
    try:
        return function(clip)
    except (ValueError, OSError) as error:
        return error


def _hash(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
