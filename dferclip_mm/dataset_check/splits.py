"""The clips that a split lists, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..transforms import ClipInit
from ..transforms.clip_opener import find_clip_init


@dataclass(frozen=True)
class ListedClip:
    """A line of a list: its clip's name and path (None: missing), label, and counted frames.

    Attributes:
        text: the clip's caption, where captions are trained on.
        subject: who is seen, where the list has a column for it.
    """

    clip: str
    path: str | None
    label: str
    file: str
    line: int
    num_frames: int | None = None
    text: str | None = None
    subject: str = ''

    @property
    def place(self) -> tuple[str, int]:
        """File and line."""
        return self.file, self.line


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
        pipeline: as in the config.
        list: the file that says which clips there are, or the folder in its place.
        run: the fold of the one run that the split belongs to; None: it belongs to any.
    """

    name: str
    fold: int
    corpus: str
    split: str
    root: str
    clip_folder: str
    classes: tuple[str, ...]
    clips: tuple[ListedClip, ...]
    pipeline: Sequence[Any]
    list: str
    run: int | None = None

    @property
    def title(self) -> str:
        """For people."""
        return f'{self.name}, fold {self.fold}' if self.corpus or self.run else self.name

    def count(self) -> Counter[str]:
        """Clips by label, each clip once."""
        return Counter({each.path or each.clip: each.label for each in self.clips}.values())


def find_openers(splits: Sequence[SplitListing]) -> dict[str, ClipInit]:
    """What opens each clip, by its path, each clip once."""
    openers: dict[str, ClipInit] = {}
    for split in splits:
        clip_init = find_clip_init(split.pipeline)
        openers |= {each.path: clip_init for each in split.clips if each.path}
    return openers
