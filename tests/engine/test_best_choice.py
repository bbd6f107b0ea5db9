"""Which of a resumed run's best scores still count."""

from __future__ import annotations

from typing import Any

import pytest

from dferclip_mm.engine.best_choice import CHOSEN_BY, forget_others

ONE = {'best_score': 50.0, 'best_ckpt': 'run/best_a_epoch_2.pth', 'iter': 7}
TWO = {'best_score_a': 50.0, 'best_ckpt_a': 'run/a.pth', 'best_score_b': 1.0, 'iter': 7}
A, B = {'a': 'greater'}, {'b': 'less'}


@pytest.mark.parametrize(
    ('stored', 'chosen', 'now', 'left', 'forgotten'),
    [
        (ONE, A, A, ONE, []),
        (ONE, A, {'a': 'less'}, {'iter': 7}, ['a (greater), of run/best_a_epoch_2.pth']),
        (ONE, A, B, {'iter': 7}, ['a (greater), of run/best_a_epoch_2.pth']),
        (
            ONE,
            A,
            A | B,
            {'best_score_a': 50.0, 'best_ckpt_a': ONE['best_ckpt'], 'iter': 7},
            [],
        ),
        (
            TWO,
            A | B,
            A,
            {'best_score': 50.0, 'best_ckpt': 'run/a.pth', 'iter': 7},
            ['b (less), of None'],
        ),
        # No validation yet; and files of the host, which do not say.
        ({'iter': 7}, A, B, {'iter': 7}, []),
        (ONE, None, B, ONE, []),
        (ONE, 'text', B, ONE, []),
    ],
)
def test_what_still_counts(
    stored: dict, chosen: Any, now: dict, left: dict, forgotten: list[str]
) -> None:
    info = {**stored, **({} if chosen is None else {CHOSEN_BY: chosen})}
    assert forget_others(info, now) == forgotten
    info.pop(CHOSEN_BY, None)
    assert info == left
