"""What the data sets of clips share: each clip is looked at, and may turn out to be unreadable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.datasets import BaseActionDataset

from ..media.errors import ClipReadError
from ..media.validate import MediaValidator
from .unreadable import UnreadableClips


class GuardedDataset(BaseActionDataset):
    """The host's data set, with a guard before its pipeline and a policy behind it.

    Attributes:
        guard: looks at each clip before the pipeline does.
        unreadable: the policy of clips that cannot be read.
    """

    guard: MediaValidator
    unreadable: UnreadableClips

    def full_init(self) -> None:
        """Read the list; as the host's."""
        if not self._fully_initialized:
            super().full_init()
            self._forget_clips()

    def get_subset_(self, indices: Sequence[int] | int) -> None:
        """Keep some clips alone, numbered anew; as the host's."""
        super().get_subset_(indices)
        self._forget_clips()

    def get_subset(self, indices: Sequence[int] | int) -> Any:
        """A data set of some of the clips, numbered anew; as the host's."""
        subset = super().get_subset(indices)
        subset._forget_clips()
        return subset

    def _copy_without_annotation(self, memo: dict | None = None) -> Any:
        # The host keeps one memo for all copies of a process, in which an object that is gone can
        # stand for a new one at its address.
        return super()._copy_without_annotation({} if memo is None else memo)

    def _forget_clips(self) -> None:
        self.unreadable.clear(len(self))
        self.guard.clear(len(self))

    def prepare_data(self, idx: int) -> Any:
        """A clip through the pipeline; a `ClipReadError` when it cannot be read."""
        return self.guard.run(self.get_data_info(idx), self.pipeline)

    def __getitem__(self, index: int) -> dict:
        """A clip through the pipeline, or what its policy gives for one that cannot be read."""
        try:
            return super().__getitem__(index)
        except ClipReadError as error:
            return self.unreadable.instead(self, index, error)
