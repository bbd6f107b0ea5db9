"""The base of our metrics: each clip counts once, over any number of processes."""

from __future__ import annotations

from typing import Any

from mmengine.evaluator import BaseMetric

from ..files import write_json

# MMEngine drops padding by counting, before it is known which clips are repeated.
UNLIMITED = 2**62


class ClipMetric(BaseMetric):
    """A metric over clips; each result holds the clip's ``index`` in the dataset and its ``clip``.

    Args:
        save_to: a JSON file for the metrics and each clip's result.
        collect_device: how the results of several processes are gathered: through their process
            group (``'gpu'``, also on the CPU) or through files (``'cpu'``).
        collect_dir: a folder that all processes share, for ``'cpu'``; default: ``.dist_test`` in
            the current folder.
    """

    _size: int | None = None

    def __init__(
        self,
        save_to: str | None = None,
        collect_device: str = 'gpu',
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, collect_dir=collect_dir)
        self.save_to = save_to

    def evaluate(self, size: int) -> dict[str, float]:
        """Score a dataset of `size` clips; see :meth:`compute_metrics`."""
        self._size = size
        return super().evaluate(UNLIMITED)

    def deduplicate(self, results: list[dict]) -> list[dict]:
        """Drop repeated clips (samplers pad uneven splits) and sort by position in the dataset.

        Raises:
            ValueError: when there are no results, or a clip of the dataset has none.
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

    def save(self, **content: Any) -> None:
        """Write `content` to ``save_to``, if it is set."""
        if self.save_to is not None:
            write_json(self.save_to, content)
