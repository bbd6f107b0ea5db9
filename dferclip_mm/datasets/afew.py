"""AFEW (Dhall et al., IEEE MultiMedia 2012): 7 emotions, folders instead of lists."""

from __future__ import annotations

from pathlib import Path

from mmaction.registry import DATASETS

from ..emotions import emotion_of
from ..media.images import natural_key
from .corpus_dataset import CorpusDataset
from .list_text import ListError, check_reference
from .lists import Row


@DATASETS.register_module()
class AFEWDataset(CorpusDataset):
    """AFEW's clips, ``<split>/<Emotion>/<clip>``; arguments and errors as `CorpusDataset`.

    ``split='test'`` is AFEW's validation set, since the labels of its test set are not public.
    A list of ``clip word`` may be given as ``ann_file``; without one, each item's is the folder.
    """

    CORPUS = 'afew'
    CLIP_FOLDERS = ('AFEW_Face',)
    SPLIT_FOLDERS = {'train': 'train', 'test': 'validation'}

    def list_path(self, split: str, fold: int) -> str:
        """The folder of a split, which takes the place of a list."""
        return str(self.clip_folder / self.SPLIT_FOLDERS[split])

    def find_list(self, ann_file: str) -> Path:
        """The given list, or the folder of this split."""
        if ann_file:
            return super().find_list(ann_file)
        if self.labels:
            raise ValueError('AFEWDataset: labels are for a list (ann_file); folders name emotions')
        folder = Path(self.list_path(self.listed_split, self.fold))
        if not folder.is_dir():
            raise FileNotFoundError(
                f'AFEWDataset: expected {self.listed_split} clips in {folder}/<Emotion>/<clip>, '
                'found no such folder: check data_root or set ann_file'
            )
        return folder

    def read_rows(self) -> list[Row | ListError]:
        """The rows of the list, or one for each clip of each emotion's folder."""
        folder = self.list_file
        if folder.is_file():
            return super().read_rows()
        rows: list[Row | ListError] = []
        for emotion in sorted(path for path in folder.iterdir() if path.is_dir()):
            try:
                label = emotion_of(emotion.name)
            except ValueError as error:
                raise ValueError(f'{emotion}: {error}') from None
            names = {path.name for path in emotion.iterdir() if not path.name.startswith('.')}
            for name in sorted(names, key=natural_key):
                reference = f'{folder.name}/{emotion.name}/{name}'
                try:
                    rows.append(Row(check_reference(reference), label))
                except ListError as error:
                    rows.append(ListError(str(emotion), 0, error.expected, error.found))
        return rows
