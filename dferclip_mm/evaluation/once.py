"""The results of several processes without the clips that samplers repeat."""

from __future__ import annotations


def once_each(results: list[dict]) -> list[dict]:
    """Each clip once, in the dataset's order: samplers pad uneven splits with repeated clips."""
    by_index = {result['index']: result for result in results}
    if None in by_index:
        # A pipeline that does not collect `sample_idx`: the host has cut the padding off already.
        return results
    return [by_index[index] for index in sorted(by_index)]
