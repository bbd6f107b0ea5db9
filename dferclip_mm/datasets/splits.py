"""Training, validation and test clips of one list, with nobody on two sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..media.images import natural_key
from .lists import Row


def group_folds(labels: Sequence[str], groups: Sequence[str], count: int, seed: int) -> np.ndarray:
    """The fold of each clip, from 1 on: all clips of a group in one, classes spread evenly.

    The folds depend on the arguments alone, so that all processes agree on them.

    Args:
        labels: of N clips, in the order of the list.
        groups: a person, a movie or a video for each clip.
        count: of the folds.
        seed: of scikit-learn's ``StratifiedGroupKFold``, or of ``StratifiedKFold`` where each clip
            is its own group.

    Returns:
        (N,) numbers from 1 to ``count``.

    Raises:
        ValueError: if there are fewer groups, or fewer clips of each class, than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    found = len({*groups})
    if not 2 <= count <= found:
        raise ValueError(
            f'expected from 2 to {found} folds, one for each subject or clip at most, found '
            f'{count}: set folds to such a number'
        )
    most = max(map([*labels].count, {*labels}))
    if most < count:
        raise ValueError(
            f'expected a class of at least {count} clips for {count} folds, found {most} at most: '
            'ask for fewer folds'
        )
    splitter, numbers = StratifiedKFold(count, shuffle=True, random_state=seed), None
    if found < len(groups):
        # Shuffled here, since its releases shuffle in different ways.
        order = np.random.RandomState(seed).permutation(found)
        numbers = order[np.unique(groups, return_inverse=True)[1]]
        splitter = StratifiedGroupKFold(count)
    folds = np.zeros(len(groups), int)
    for fold, (_, test) in enumerate(splitter.split(labels, labels, numbers), 1):
        folds[test] = fold
    return folds


def stratified_holdout(labels: Sequence[int], share: float, seed: int) -> np.ndarray:
    """Choose clips for validation, the same share of every class, by a seed.

    The choice depends on the labels and their order alone, so that training and validation data
    agree on it without speaking to each other.

    Args:
        labels: N labels in the order of the list.
        share: of each class, rounded, at least one clip of a class that has two.
        seed: of the choice.

    Returns:
        Boolean (N,): True where a clip is held out.

    Raises:
        ValueError: when the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f'val_fraction={share!r}: expected a share between 0 and 1, such as 0.1')
    rng = np.random.default_rng(seed)
    numbers = np.asarray(labels)
    chosen = np.zeros(len(numbers), dtype=bool)
    for label in np.unique(numbers):
        (places,) = np.nonzero(numbers == label)
        count = min(max(round(share * len(places)), 1), len(places) - 1)
        chosen[rng.permutation(places)[:count]] = True
    return chosen


def hold_out(
    labels: Sequence[str], groups: Sequence[str], fraction: float, seed: int
) -> np.ndarray:
    """Choose a share of the clips, by whole groups: one of ``1 / fraction`` folds, rounded.

    Where each clip is its own group, exactly the share of every class.

    Returns:
        (N,) True where a clip is chosen.

    Raises:
        ValueError: if the share is not above 0 and at most 0.5, or there are too few groups.
    """
    if not 0 < fraction <= 0.5:
        raise ValueError(f'expected a share above 0 and at most 0.5, such as 0.2, found {fraction}')
    if len({*groups}) == len(groups):
        numbers = np.unique(labels, return_inverse=True)[1]
        return stratified_holdout(numbers.tolist(), fraction, seed)
    return group_folds(labels, groups, round(1 / fraction), seed) == 1


def take_share(labels: Sequence[int], subjects: Sequence[str], share: float) -> np.ndarray:
    """Choose a share of clips, between 0 and 1, by whole subjects where they are known.

    Args:
        labels: of N clips.
        subjects: of N clips; empty where they are not known.

    Returns:
        (N,) True where a clip is chosen.

    Raises:
        ValueError: if the share is not between 0 and 1, or there are too few subjects for it.
    """
    if not subjects or not 0 < share < 1:
        return stratified_holdout(labels, share, 0)
    chosen = hold_out([*map(str, labels)], subjects, min(share, 1 - share), 0)
    return chosen if share <= 0.5 else ~chosen


@dataclass(frozen=True)
class SplitRule:
    """What divides the clips of one list.

    Attributes:
        columns: which of ``subject``, ``split`` and ``fold`` the list has.
        folds: see `ClipListDataset`, as the following.
        test_fraction: tested share of the clips.
        split_seed: of both.
        val_fraction: share of the training clips that is held out.
        val_seed: of the choice.
    """

    columns: frozenset[str]
    folds: int
    test_fraction: float
    split_seed: int
    val_fraction: float
    val_seed: int

    def check(self, split: str, fold: int) -> None:
        """Refuse settings that do not go together.

        Raises:
            ValueError: if two things divide the clips, or nothing gives this split or fold.
        """
        given = [f'columns.{name}' for name in ('split', 'fold') if name in self.columns]
        given += [name for name in ('folds', 'test_fraction') if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f'{" and ".join(given)} divide the clips: give one of them')
        if split == 'validation' and not (self.val_fraction or 'split' in self.columns):
            raise ValueError(
                "split='validation' needs val_fraction, such as 0.2, or a column "
                '(columns=dict(split=...)) with such clips'
            )
        last = fold if 'fold' in self.columns else self.folds or 1
        if not 1 <= fold <= last:
            folds = f'from 1 to {last}' if last > 1 else '1, unless folds or columns.fold'
            raise ValueError(f'expected a fold {folds}, found {fold!r}')

    def describe(self, names: Mapping[str, str]) -> str:
        """What divides the clips, in a few words; `names` are the columns of the roles."""
        by = names.get('subject', 'clip')
        if 'split' in self.columns:
            return f'split by {names["split"]}'
        if 'fold' in self.columns:
            return f'folds by {names["fold"]}'
        if self.folds:
            return f'{self.folds} folds by {by}'
        return f'{self.test_fraction:.0%} by {by}' if self.test_fraction else ''

    def divide(self, rows: Sequence[Row], fold: int, default: str) -> list[str]:
        """``'train'``, ``'validation'`` or ``'test'`` for each row.

        Args:
            rows: of the whole list.
            fold: that is tested.
            default: the side of all rows where nothing divides them.

        Raises:
            ValueError: if it cannot be done.
        """
        by_subject = 'subject' in self.columns
        labels = [row.label for row in rows]
        groups = [row.subject if by_subject else row.clip for row in rows]
        sides = self._divide(rows, labels, groups, fold) or [default] * len(rows)
        train = [index for index, side in enumerate(sides) if side == 'train']
        if self.val_fraction and 'validation' in sides:
            raise ValueError('the list has validation clips of its own: leave out val_fraction')
        if self.val_fraction and train:
            names, kept = ([each[index] for index in train] for each in (labels, groups))
            held = hold_out(names, kept, self.val_fraction, self.val_seed)
            for index in np.array(train)[held]:
                sides[index] = 'validation'
        return sides

    def _divide(
        self, rows: Sequence[Row], labels: Sequence[str], groups: Sequence[str], fold: int
    ) -> list[str]:
        if 'split' in self.columns:
            return [row.split for row in rows]
        if 'fold' in self.columns:
            names = sorted({row.fold for row in rows}, key=natural_key)
            if fold > len(names):
                raise ValueError(f'expected a fold from 1 to {len(names)}, found {fold}')
            tested = [row.fold == names[fold - 1] for row in rows]
        elif self.folds:
            tested = (group_folds(labels, groups, self.folds, self.split_seed) == fold).tolist()
        elif self.test_fraction:
            tested = hold_out(labels, groups, self.test_fraction, self.split_seed).tolist()
        else:
            return []
        return ['test' if each else 'train' for each in tested]
