"""MAFW (Liu et al., ACM MM 2022): 11 emotions and their compounds, captions, 5 folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmaction.registry import DATASETS

from ..emotions import EMOTIONS
from .corpus_dataset import LISTED_SPLITS, CorpusDataset, ListForm
from .lists import Row, is_dferclip_list, parse_ferv39k_list, parse_mafw_captions


@DATASETS.register_module()
class MAFWDataset(CorpusDataset):
    """MAFW's clips; arguments and errors as `CorpusDataset`, and these.

    Args:
        compound: take the lists with compound labels (``anger_disgust``). Their classes are those
            in the owner's lists of all folds: single emotions in canonical order, then compounds
            sorted.
        captions: take the lists with captions; each item holds the English one in ``text``,
            ``''`` where a clip has none.
        require_caption: leave out clips without an English caption.
    """

    CORPUS = 'mafw'
    FOLDS = 5
    CLIP_FOLDERS = ('data/faces', 'data/clips')

    def __init__(
        self,
        *,
        compound: bool = False,
        captions: bool = False,
        require_caption: bool = False,
        **kwargs: Any,
    ) -> None:
        if require_caption and not captions:
            raise ValueError('MAFWDataset: require_caption=True needs captions=True')
        if captions and not kwargs.get('labelled', True):
            raise ValueError('MAFWDataset: labelled=False takes a list of clips, without captions')
        self.compound, self.captions, self.require_caption = compound, captions, require_caption
        super().__init__(**kwargs)

    def list_path(self, split: str, fold: int) -> str:
        """The list of a split and fold in the setting that the arguments name."""
        setting = 'compound' if self.compound else 'single'
        caption = 'with_caption' if self.captions else 'no_caption'
        return f'Train & Test Set/{setting}/{caption}/set_{fold}/{split}.txt'

    def find_form(self, text: str) -> ListForm:
        """The owner's ``clip word``, or its four columns of a list with captions.

        DFER-CLIP's form holds neither compounds nor captions.
        """
        if not (self.compound or self.captions) and is_dferclip_list(text):
            return super().find_form(text)
        return parse_mafw_captions if self.captions or '\t' in text else parse_ferv39k_list, None

    def find_classes(self) -> Sequence[str]:
        """The 11 emotions, or those in the corpus's lists of the compound setting.

        A wrong line is skipped here; it is an error where its list is read for clips.

        Raises:
            ValueError: if no such list exists; a single given list may lack a class.
        """
        if not self.compound:
            return super().find_classes()
        folds = range(1, self.FOLDS + 1)
        paths = [self.root / self.list_path(s, f) for f in folds for s in LISTED_SPLITS]
        found = [path for path in paths if path.is_file()]
        if not found:
            raise ValueError(
                f'MAFWDataset: compound=True takes its classes from the lists like {paths[0]}, '
                'found none: put them there or set metainfo=dict(classes=[...])'
            )
        rows = [row for path in found for row in self.read_list(path)]
        labels = {row.label for row in rows if isinstance(row, Row)}
        return [name for name in EMOTIONS if name in labels] + sorted(labels - set(EMOTIONS))

    def annotation(self, row: Row) -> dict[str, Any]:
        """The label, and the caption on demand."""
        annotation = super().annotation(row)
        return {**annotation, 'text': row.english} if self.captions else annotation
