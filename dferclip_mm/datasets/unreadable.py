"""What happens to a clip that cannot be read: stop, replace it, or count it as wrong."""

from __future__ import annotations

import copy
import logging
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log

from ..media.errors import ClipReadError, place_of

# The first of each is the default.
TRAINING = ('replace', 'raise')
EVALUATION = ('raise', 'wrong')
_TRIES = 100
_NAMED = 10


class UnreadableClips:
    """The policy of one dataset, and which of its clips could not be read so far.

    They are kept in shared memory, so that a loader's workers and the main process know the same.

    Args:
        policy: ``'raise'`` stops the run at the first one. ``'replace'``, only in training, takes
            another clip of the dataset. ``'wrong'``, only in evaluation, gives the model a black
            clip in its place and marks it, so that `RecallMetric` counts it as wrong. None:
            ``'replace'`` in training, ``'raise'`` in evaluation.
        test_mode: whether the clips are evaluated.
        max_replaced: the share of the clips beyond which ``'replace'`` stops the run.

    Raises:
        ValueError: if the policy does not go with ``test_mode``, or the share is not from 0 to 1.
    """

    def __init__(
        self, policy: str | None, *, test_mode: bool = False, max_replaced: float = 0.01
    ) -> None:
        known = EVALUATION if test_mode else TRAINING
        self.policy = known[0] if policy is None else policy
        if self.policy not in known:
            raise ValueError(
                f'unreadable={policy!r}: expected {" or ".join(map(repr, known))} in '
                + ('evaluation' if test_mode else 'training (without test_mode=True)')
            )
        if not 0 <= max_replaced <= 1:
            raise ValueError(
                f'max_replaced={max_replaced!r}: expected a share of the clips from 0 to 1'
            )
        self.max_replaced = max_replaced
        self.clear(0)

    def clear(self, clips: int) -> None:
        """Start again with this number of clips, all of them assumed to be readable."""
        self._flags = torch.zeros(clips, dtype=torch.uint8).share_memory_()

    def __deepcopy__(self, memo: dict) -> UnreadableClips:
        other = copy.copy(self)
        # The copy of a shared tensor is not shared.
        other._flags = self._flags.clone().share_memory_()
        return other

    def found(self) -> list[int]:
        """The indices of the clips that could not be read, in any process of this loader."""
        return self._flags.nonzero().flatten().tolist()

    def substitute(self, dataset: Any, index: int, error: ClipReadError) -> dict:
        """What the dataset gives in place of a clip, which raised an error.

        Raises:
            ClipReadError: if the policy says so, too many clips were replaced, or none is left.
        """
        if self.policy == 'raise':
            raise error
        if self.policy == 'wrong':
            self._flags[index] = 1
            return self._placeholder(dataset, index, error)
        return self._replacement(dataset, index, error)

    def check(self, dataset: Any, found: list[int]) -> None:
        """Check that no more clips were replaced than the policy allows.

        Raises:
            ClipReadError: if there are more; it names them.
        """
        if self.policy == 'replace' and len(found) > self.max_replaced * len(dataset):
            some = ', '.join(place_of(dataset.get_data_info(index)) for index in found[:_NAMED])
            more = f' and {len(found) - _NAMED} more' if len(found) > _NAMED else ''
            raise ClipReadError(
                f'{len(found)} of {len(dataset)} training clips cannot be read, more than '
                f'max_replaced={self.max_replaced:g} of them: {some}{more}; '
                'tools/check_dataset.py lists all bad clips, and writes lists without them'
            )

    def _replacement(self, dataset: Any, index: int, error: ClipReadError) -> dict:
        for _ in range(_TRIES):
            if not self._flags[index]:
                self._flags[index] = 1
                message = f'{error}; another clip is taken in its place'
                print_log(message, logger='current', level=logging.WARNING)
                self.check(dataset, self.found())
            # From numpy's generator, as augmentation: seeded for each sample.
            index = int(np.random.randint(len(dataset)))
            try:
                return dataset.prepare_data(index)
            except ClipReadError as again:
                error = again
        raise ClipReadError(f'{_TRIES} clips in a row cannot be read, the last one: {error}')

    def _placeholder(self, dataset: Any, index: int, error: ClipReadError) -> dict:
        """The next clip that can be read, black, with the name and label of the unreadable one."""
        for step in range(1, len(dataset)):
            other = (index + step) % len(dataset)
            # Each unreadable clip is tried only once.
            if self._flags[other]:
                continue
            try:
                item = dataset.prepare_data(other)
            except ClipReadError:
                self._flags[other] = 1
                continue
            return _blank(item, dataset.get_data_info(index), str(error))
        raise ClipReadError(
            f'none of the {len(dataset)} clips can be read, and a black one needs the shape of '
            f'another: check data_root and data_prefix; {error}'
        )


def _blank(item: dict, info: dict[str, Any], reason: str) -> dict:
    sample = item.get('data_samples')
    if sample is None or 'inputs' not in item:
        raise ValueError(
            "unreadable='wrong' needs a pipeline that ends in PackActionInputs: the mark is set "
            'on its data sample'
        )
    inputs = item['inputs']
    item['inputs'] = (
        {key: torch.zeros_like(value) for key, value in inputs.items()}
        if isinstance(inputs, dict)
        else torch.zeros_like(inputs)
    )
    if 'label' in info:
        sample.set_gt_label(info['label'])
    for key in sample.keys():  # noqa: SIM118  MMEngine's data elements are not mappings
        if key in info:
            sample.set_field(info[key], key)
    known = {key: info[key] for key in sample.metainfo_keys() if key in info}
    sample.set_metainfo({**known, 'unreadable': reason})
    return item
