"""AFEW (Dhall et al., IEEE MultiMedia 2012): 7 emotions, folders instead of lists."""

from __future__ import annotations

from pathlib import Path

from mmaction.registry import DATASETS

from ..emotions import emotion_of
from .class_folders import list_class_folders
from .corpus_dataset import CorpusDataset
from .list_text import ListError
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
        return list_class_folders(folder, emotion_of, f'{folder.name}/')
