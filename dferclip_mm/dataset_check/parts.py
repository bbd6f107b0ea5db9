"""What a list says, line by line, and how its clips are opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmaction.datasets.transforms import SampleFrames
from mmaction.registry import TRANSFORMS

from ..media.validate import MediaValidator, host_decoders
from ..transforms import SampleSegments, SampleWindow
from ..transforms.clip_opener import ClipOpener, kind_of, steps_of
from .findings import Finding


@dataclass(frozen=True)
class ListedClip:
    """A line of a list: its clip's name and path (None: missing), label, and counted frames.

    Attributes:
        first: where the line begins, where it takes several; 0 where it does not.
        text: the clip's caption, where captions are trained on.
        chosen: (file, line) where a list of clips names it as well.
    """

    clip: str
    path: str | None
    label: str
    file: str
    line: int
    num_frames: int | None = None
    first: int = 0
    text: str | None = None
    chosen: tuple[tuple[str, int], ...] = ()

    @property
    def place(self) -> tuple[str, int]:
        """File and line."""
        return self.file, self.line

    @property
    def lines(self) -> list[tuple[str, int]]:
        """All places that go with the clip."""
        first = self.first or self.line
        return [*((self.file, line) for line in range(first, self.line + 1)), *self.chosen]


@dataclass(frozen=True)
class SplitListing:
    """The clips of one dataloader and fold.

    Attributes:
        name: of the dataloader, ``'train'``, ``'val'`` or ``'test'``.
        split: of the corpus; ``''`` where there is none or clips are left out on purpose.
        root: the data root.
        clip_folder: where the clips lie.
        classes: names that should have clips, in label order.
        clips: the lines of the list.
        frames: that a sample takes, from the first to the last.
        opener: what opens a clip: `ClipInit`, behind what guards it.
        lists: the files that say which clips there are, or the folder in their place.
        run: the fold of the one run that the part belongs to; None: it belongs to any.
    """

    name: str
    fold: int
    corpus: str
    split: str
    root: str
    clip_folder: str
    classes: tuple[str, ...]
    clips: tuple[ListedClip, ...]
    frames: int
    opener: ClipOpener
    lists: tuple[str, ...]
    run: int | None = None

    @property
    def title(self) -> str:
        """For people."""
        return f'{self.name}, fold {self.fold}' if self.corpus else self.name

    def count(self) -> Counter[str]:
        """Clips by label, each clip once."""
        return Counter({each.path or each.clip: each.label for each in self.clips}.values())


def located(
    locate: Callable[[], str | None], clip: str, place: tuple[str, int], findings: list[Finding]
) -> str | None:
    """The path of a listed clip, or None, which is told."""
    message = 'neither a frame folder nor a video'
    try:
        path = locate()
    except ValueError as error:
        path, message = None, str(error)
    if path is None:
        findings.append(Finding('missing clip', message, clip, (place,)))
    return path


def openers_of(parts: Sequence[SplitListing]) -> dict[str, ClipOpener]:
    """Path -> what opens that clip, of all clips of some parts; the strictest where parts differ.

    A clip of several folds may be trained on by one pipeline and evaluated by another.
    """
    ordered = sorted(parts, key=lambda part: part.opener.strictness)
    return {each.path: part.opener for part in ordered for each in part.clips if each.path}


def opener_of(pipeline: Sequence[Any], guard: MediaValidator) -> ClipOpener:
    """What opens a clip as a pipeline does, and refuses what its decoders would not read."""
    return ClipOpener(guard, pipeline, host_decoders(map(kind_of, steps_of(pipeline))))


def frames_of(pipeline: Sequence[Any]) -> int:
    """How many frames in a row a sample takes."""
    frames = 1
    for step in steps_of(pipeline):
        kind = kind_of(step)
        if not issubclass(kind, (SampleSegments, SampleWindow, SampleFrames)):
            continue
        sampling = TRANSFORMS.build(step) if isinstance(step, Mapping) else step
        if isinstance(sampling, SampleSegments):
            frames = sampling.num_frames
        elif isinstance(sampling, SampleWindow):
            frames = sampling.stride * (sampling.num_frames - 1) + 1
        else:
            frames = sampling.clip_len * sampling.frame_interval
    return frames
