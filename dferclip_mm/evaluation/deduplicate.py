"""The results of several processes without the clips that samplers repeat."""

from __future__ import annotations

# The host cuts padding off by counting, before it can be seen which clips are repeated.
UNLIMITED = 2**62


def deduplicate(results: list[dict], size: int | None = None) -> list[dict]:
    """Each clip once, in the dataset's order: samplers pad uneven splits with repeated clips.

    Args:
        results: of all processes, with each clip's ``index`` in the dataset and its ``clip``, the
            file. Data sets that are joined into one number their clips each for itself.
        size: clips in the dataset; None where it is not known.

    Raises:
        ValueError: when there are no results, or a clip of the dataset has none.
    """
    if any(result['index'] is None for result in results):
        # A pipeline that does not collect `sample_idx`: padding can only be counted.
        found = results[:size]
    else:
        by_clip = {(result['index'], str(result.get('clip'))): result for result in results}
        found = [by_clip[clip] for clip in sorted(by_clip)]
    if not found or (size is not None and len(found) < size):
        raise ValueError(
            f'{len(found)} of {"the" if size is None else size} clips have a result: expected one '
            'for each clip; the sampler must give each at least once'
        )
    return found
