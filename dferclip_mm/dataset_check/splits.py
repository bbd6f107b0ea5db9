"""The clips that a split lists, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..datasets import CorpusDataset
from ..datasets.classes import ClassChoice
from ..transforms import ClipInit
from ..transforms.clip_opener import find_clip_init
from .published import published_clips


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
        dataset: that lists them; its pipeline is empty.
        clips: the lines of the list.
        pipeline: as in the config.
        run: the fold of the one run that the split belongs to; None: it belongs to any.
    """

    name: str
    dataset: CorpusDataset
    clips: tuple[ListedClip, ...]
    pipeline: Sequence[Any]
    run: int | None = None

    @property
    def title(self) -> str:
        """For people."""
        folds = self.dataset.CORPUS or self.run
        return f'{self.name}, fold {self.dataset.fold}' if folds else self.name

    @property
    def folders(self) -> tuple[str, str]:
        """The data root, and where the clips lie."""
        return str(self.dataset.root), str(self.dataset.clip_folder)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names that should have clips, in label order."""
        names = self.dataset.metainfo.get('classes') if self.dataset.labelled else ()
        return self.dataset.choice.taken_classes(names or ())

    @property
    def complete(self) -> bool:
        """Whether all the clips of a corpus should be here, none left out on purpose."""
        dataset = self.dataset
        # Merged classes and compounds have no published numbers.
        others = any(getattr(dataset, key, False) for key in ('compound', 'captions', 'all_voted'))
        partial = dataset.choice != ClassChoice() or dataset.val_fraction or others
        return bool(dataset.CORPUS and self.classes and not partial)

    def published(self) -> tuple[int | None, dict[str, int]]:
        """As `published_clips`; nothing where clips are left out."""
        split = self.dataset.split if self.complete else ''
        return published_clips(self.dataset.CORPUS, split, self.dataset.fold)

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
