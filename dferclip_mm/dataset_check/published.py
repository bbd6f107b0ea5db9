"""How many clips the corpora are published to have."""

from __future__ import annotations

# (train, test) of each fold, and test clips of fold 1 by class in the corpus's order. Counted in
# the lists that DFER-CLIP's authors publish (github.com/zengqunzhao/DFER-CLIP, annotation/).
_TOTALS: dict[str, tuple[tuple[int, int], ...]] = {
    'dfew': ((9356, 2341), (9356, 2341), (9357, 2340), (9358, 2339), (9361, 2336)),
    'ferv39k': ((31088, 7847),),
    'mafw': ((7333, 1839), (7335, 1837), (7339, 1833), (7340, 1832), (7341, 1831)),
}
_BY_CLASS = {
    'dfew': (489, 379, 534, 435, 294, 29, 181),
    'ferv39k': (1473, 1393, 1958, 1487, 638, 467, 431),
    'mafw': (249, 294, 228, 278, 215, 128, 125, 48, 184, 53, 37),
}


def published_clips(corpus: str, split: str, fold: int) -> tuple[int | None, tuple[int, ...]]:
    """The number of clips of a split and fold, and by class where it is known.

    Returns:
        None and ``()`` where nothing is published.
    """
    totals = _TOTALS.get(corpus, ())
    if split not in ('train', 'test') or fold > len(totals):
        return None, ()
    by_class = _BY_CLASS.get(corpus, ()) if split == 'test' and fold == 1 else ()
    return totals[fold - 1][split == 'test'], by_class
