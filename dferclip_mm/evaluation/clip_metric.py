"""The base of our metrics: each clip counts once, over any number of processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mmengine.evaluator import BaseMetric

from ..files import atomic_write, write_json

# MMEngine drops padding by counting, before it is known which clips are repeated.
UNLIMITED = 2**62


class ClipMetric(BaseMetric):
    """A metric over clips; each result holds the clip's ``index`` in the dataset and its ``clip``.

    Args:
        save_to: a file for the results: ``.json`` for the metrics and each clip, ``.csv`` for a
            row per clip; ValueError for another suffix.
        collect_device: how the results of several processes are gathered: through their process
            group (``'gpu'``, also on the CPU) or through files (``'cpu'``).
        settings: of MMEngine's `BaseMetric`, such as the ``collect_dir`` of these files.
    """

    # Whether results have a figure for each of the 'classes' or the 'targets'.
    names_key: str
    _size: int | None = None
    # The checkpoint, how it was chosen, and what divides the clips; set before a test.
    source: Mapping[str, str] = {}

    def __init__(
        self, save_to: str | None = None, collect_device: str = 'gpu', **settings: Any
    ) -> None:
        if save_to is not None and Path(save_to).suffix not in ('.json', '.csv'):
            raise ValueError(
                f'save_to: expected a name that ends in .json or .csv, found {save_to!r}'
            )
        super().__init__(collect_device=collect_device, **settings)
        self.save_to = save_to

    def evaluate(self, size: int) -> dict[str, float]:
        """Score a dataset of `size` clips; see :meth:`compute_metrics`."""
        self._size = size
        return super().evaluate(UNLIMITED)

    def deduplicate(self, results: list[dict]) -> list[dict]:
        """Drop repeated clips (samplers pad uneven splits) and sort by position in the dataset.

        Raises ValueError when there are no results, or a clip of the dataset has none.
        """
        size = self._size
        if any(result['index'] is None for result in results):
            # A pipeline that does not collect `sample_idx`: padding can only be counted.
            found = results[:size]
        else:
            # Concatenated datasets number their clips separately: the file tells them apart.
            by_clip = {(result['index'], str(result.get('clip'))): result for result in results}
            found = [by_clip[clip] for clip in sorted(by_clip)]
        if not found or (size is not None and len(found) < size):
            raise ValueError(
                f'{len(found)} of {"the" if size is None else size} clips have a result: expected '
                'one for each clip; the sampler must yield each clip at least once'
            )
        return found

    def find_names(self, width: int | None) -> tuple[str, ...]:
        """The names of classes or targets: the metric's argument, else the dataset's.

        Raises ValueError when there are none, or not `width`, how many figures the head gives for a
        clip (None where no clip has any), or when the argument differs from the dataset.
        """
        metric, what = type(self).__name__, self.names_key
        given = tuple(getattr(self, what) or ())
        known = tuple((self.dataset_meta or {}).get(what) or ())
        names = given or known
        if not names:
            raise ValueError(
                f"{metric} needs the names of the {what}: set the dataset's metainfo, or the "
                f"metric's {what}"
            )
        if known and names != known:
            raise ValueError(
                f'{metric} has the {what} {", ".join(names)}, but the dataset has '
                f"{', '.join(known)}: leave out the metric's"
            )
        if width not in (None, len(names)):
            raise ValueError(
                f'the head has {width} {what}, the dataset {len(names)} ({", ".join(names)}): give '
                f'both the same {what}'
            )
        return names

    def save(self, names: Sequence[str], clips: Sequence[dict], **content: Any) -> None:
        """Write the result of each clip to ``save_to``, if it is set, and to JSON the content.

        A CSV row has labels by name, and a column for each class or target.
        """
        if self.save_to is None:
            return
        if Path(self.save_to).suffix == '.json':
            content = {self.names_key: [*names], 'source': dict(self.source), **content}
            write_json(self.save_to, {**content, 'clips': clips})
        else:
            table = pd.DataFrame([_to_row(names, clip) for clip in clips], dtype=object)
            atomic_write(Path(self.save_to), table.to_csv(index=False))


def _to_row(names: Sequence[str], clip: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, value in clip.items():
        if isinstance(value, list):
            row |= {f'{key}/{name}': each for name, each in zip(names, value, strict=True)}
        elif key in ('label', 'predicted'):
            row[key] = names[value] if value >= 0 else ''
        elif value is not None:
            row[key] = value
    return row
