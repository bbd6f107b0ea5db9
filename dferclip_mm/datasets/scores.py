"""Clips with scores from the user's own CSV, for regression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmaction.registry import DATASETS

from .clip_dataset import ClipDataset
from .list_text import ListError, check_reference, check_rows, decode_list, parse_lines
from .score_lists import ScoreRow, parse_scores


@DATASETS.register_module()
class ClipScoresDataset(ClipDataset):
    """Clips with one or more scores each, listed in a CSV; arguments and errors as `ClipDataset`.

    Each item holds ``scores`` (K numbers); ``metainfo['targets']`` names them.

    Args:
        ann_file: a CSV with the columns ``clip`` (a frame folder or video), one for each target,
            and ``split`` where one file serves training and testing.
        targets: the columns to read, in this order; empty: all but ``clip`` and ``split``.
        split: take the rows of this ``split``; empty: all rows.
        clip_list: a text file with one clip a line; each must have a row in the CSV, and only
            these are taken. Empty: all.
        kwargs: further arguments of `ClipDataset`.
    """

    def __init__(
        self,
        *,
        ann_file: str,
        targets: Sequence[str] = (),
        split: str = '',
        clip_list: str = '',
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
        self._clip_list = clip_list
        super().__init__(ann_file=ann_file, unreadable=unreadable, **kwargs)

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the targets, which the header of the CSV names."""
        self.clip_list = self.find_file(self._clip_list) if self._clip_list else None
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

    def read_clip_list(self) -> list[ScoreRow | ListError]:
        """The clips of ``clip_list``, as rows without scores; none without such a list."""
        if self.clip_list is None:
            return []
        text = decode_list(self.clip_list.read_bytes(), str(self.clip_list))

        def parse(content: str, line: int) -> ScoreRow:
            return ScoreRow(check_reference(content.strip()), (), '', line, line)

        return list(parse_lines(text, str(self.clip_list), parse))

    def load_data_list(self) -> list[dict]:
        """Find the clips of this split, and take those of ``clip_list``."""
        items = super().load_data_list()
        if self.clip_list is None:
            return items
        scored = {item['filename']: item for item in items}
        chosen = [self._chosen(row, scored) for row in check_rows(self.read_clip_list())]
        if not chosen:
            raise ValueError(f'{self.clip_list}: expected at least one clip, found none')
        return [scored[path] for path in dict.fromkeys(chosen)]

    def _chosen(self, row: ScoreRow, scored: dict[str, dict]) -> str:
        path = self.locate(row)
        location = f'{self.clip_list}:{row.line}'
        if path is None:
            raise FileNotFoundError(
                f'{location}: the clip {row.clip!r} is neither a frame folder nor a video below '
                f'{self.clip_folder}: check data_prefix or take the line out'
            )
        if path not in scored:
            raise ValueError(
                f'{location}: the clip {row.clip!r} has no row in {Path(self.ann_file).name}: '
                'add its scores or take it out of the list'
            )
        return path
