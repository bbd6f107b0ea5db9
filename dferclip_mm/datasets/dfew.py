"""DFEW (Jiang et al., ACM MM 2020): 7 emotions, 5 folds."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from mmaction.registry import DATASETS
from mmengine.logging import print_log

from ..emotions import CORPUS_CLASSES
from .columns import Columns
from .corpus_dataset import LISTED_SPLITS, CorpusDataset
from .list_text import ListError
from .lists import Row, pad_number, parse_dfew_csv
from .tables import read_table

_VOTES = 'Annotation/annotation.xlsx'
_WORDS = ('happy', 'sad', 'neutral', 'angry', 'surprise', 'disgust', 'fear')
_COLUMNS = {name: f'vote_{word}' for name, word in zip(CORPUS_CLASSES['dfew'], _WORDS, strict=True)}


@DATASETS.register_module()
class DFEWDataset(CorpusDataset):
    """DFEW's single-labelled clips; arguments and errors as `CorpusDataset`, and these.

    The owner's list is a CSV, ``video_name,label`` with labels from 1. Of the owner's faces those
    with all frames are taken before those of 16 interpolated frames (``clip_224x224_16f``).

    Args:
        votes: train on the shares of the ten annotators' votes, from the owner's
            ``Annotation/annotation.xlsx``.
        all_voted: train on the voted clips of neither list as well, which have no single label;
            those without faces are left out.
    """

    CORPUS = 'dfew'
    FOLDS = 5
    CLIP_FOLDERS = ('Clip/clip_224x224', 'Clip/clip_224x224_16f', 'Clip/original')
    LIST_FORM = (parse_dfew_csv, 1)

    def __init__(self, *, votes: bool = False, all_voted: bool = False, **kwargs: Any) -> None:
        if all_voted and (not votes or kwargs.get('ann_file')):
            raise ValueError(
                'DFEWDataset: all_voted=True adds clips to the list of the owner: it needs '
                'votes=True and no ann_file'
            )
        self.all_voted = all_voted
        self._wants_votes = votes
        self._votes: dict[str, Row] = {}
        super().__init__(**kwargs)

    def list_path(self, split: str, fold: int) -> str:
        """The one CSV of a split and fold."""
        return f'EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv'

    def complete_metainfo(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """The user's metainfo with the classes; the votes are read."""
        if self._wants_votes:
            self._votes = self._read_votes()
        return super().complete_metainfo(metainfo)

    def _read_votes(self) -> dict[str, Row]:
        """The votes of each clip. A row without votes is left out, with a warning."""
        path = self.root / _VOTES
        if not path.is_file():
            raise FileNotFoundError(f'DFEWDataset: votes=True reads {path}, found no such file')
        columns = Columns(dict(path='clip_name', label=None, votes=_COLUMNS))
        rows = columns.read_all(read_table(path), str(path), str)
        wrong = [row for row in rows if isinstance(row, ListError)]
        if wrong:
            message = f'{len(wrong)} clips without votes, the first: {wrong[0]}'
            print_log(message, logger='current', level=logging.WARNING)
        return {
            pad_number(row.clip.removesuffix('.mp4')): row for row in rows if isinstance(row, Row)
        }

    def _select_split(self, rows: list[Row]) -> list[Row]:
        taken = super()._select_split(rows)
        if not self.all_voted or self.split != 'train':
            return taken
        listed = {
            row.clip
            for split in LISTED_SPLITS
            for row in self.read_list(self.root / self.list_path(split, self.fold))
            if isinstance(row, Row)
        }
        others = [
            replace(row, clip=clip, line=0)
            for clip, row in self._votes.items()
            if clip not in listed and self.finder.find(clip)
        ]
        print_log(f'{len(others)} voted clips of neither list are trained on', logger='current')
        return [*taken, *others]

    def annotation(self, row: Row) -> dict[str, Any]:
        """The label, and the votes on demand."""
        annotation = super().annotation(row)
        if self._wants_votes:
            voted = self._votes.get(row.clip)
            if voted is None:
                expected = f'a clip with votes in {_VOTES}'
                raise ListError(self.ann_file, row.line, expected, row.clip)
            annotation['votes'] = self.share_votes(voted.votes, row.line)
        return annotation

    def locate(self, row: Row) -> str | None:
        """The path of a row's clip; a bare number may be padded there."""
        return super().locate(row) or self.finder.find(pad_number(row.clip))
