"""Clips with scores from the user's own CSV, for regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.registry import DATASETS

from .clip_dataset import ClipDataset
from .list_text import ListError, decode_list
from .score_lists import ScoreRow, parse_scores


@DATASETS.register_module()
class ClipScoresDataset(ClipDataset):
    """Clips with one or more scores each, listed in a CSV; arguments and errors as `ClipDataset`.

    Each item holds ``scores`` (K numbers); ``metainfo['targets']`` names them.

    Args:
        ann_file: a CSV with the columns ``clip`` (a frame folder or video), one for each target,
            and ``split`` where one file serves training and testing; one clip a line.
        targets: the columns to read, in this order; empty: all but ``clip`` and ``split``.
        split: take the rows of this ``split``; empty: all rows.
        kwargs: further arguments of `ClipDataset`.
    """

    def __init__(
        self,
        *,
        ann_file: str,
        targets: Sequence[str] = (),
        split: str = '',
        unreadable: str | None = None,
        **kwargs: Any,
    ) -> None:
        if unreadable == 'wrong':
            raise ValueError(
                "ClipScoresDataset: unreadable='wrong' is for classes; a score cannot be missed "
                "by a fixed amount: expected 'raise'"
            )
        self.split = split
        self._wanted = (targets,) if isinstance(targets, str) else tuple(targets)
        super().__init__(ann_file=ann_file, unreadable=unreadable, **kwargs)

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the targets, which the header of the CSV names."""
        text = decode_list(self.list_file.read_bytes(), str(self.list_file))
        self.targets, rows = parse_scores(text, str(self.list_file), self._wanted)
        self._rows = list(rows)
        return {**metainfo, 'targets': self.targets}

    def read_rows(self) -> list[ScoreRow | ListError]:
        """The rows of the CSV."""
        return self._rows

    def select_rows(self, rows: list[ScoreRow]) -> list[ScoreRow]:
        """The rows of the split that was asked for.

        Raises:
            ValueError: if there are none.
        """
        if not self.split:
            return rows
        found = sorted({row.split for row in rows})
        if self.split not in found:
            raise ValueError(
                f'{self.ann_file}: expected rows with split={self.split!r}, found '
                f'{", ".join(map(repr, found))}: the file needs a column `split` with it'
            )
        return [row for row in rows if row.split == self.split]

    def annotation(self, row: ScoreRow) -> dict[str, Any]:
        """The scores."""
        return dict(scores=list(row.scores))

    def get_cat_ids(self, idx: int) -> list[int]:
        """Refuse to be balanced by classes.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            f'{self.ann_file}: clips have scores and no classes to balance: take '
            'ClassBalancedDataset away'
        )
