"""The lines on the protocol and on the batch size, word by word."""

import pytest

from dferclip_mm.engine.checks.protocol import find_batch_size_mismatch


def test_a_smaller_batch_is_warned_about_with_both_remedies():
    assert find_batch_size_mismatch(dict(base_batch_size=48, enable=False), 6, 2) == (
        'the learning rates are for a batch size of 48 (auto_scale_lr.base_batch_size), this run '
        'has 12 (6 clips x 2 processes): pass --batch-size 24, or scale the rates with '
        '--auto-scale-lr'
    )
    accumulated = find_batch_size_mismatch(dict(base_batch_size=48), 6, 2, 2)
    assert 'x 2 processes x 2 accumulated iterations): pass --batch-size 12' in accumulated


@pytest.mark.parametrize(
    ('auto_scale_lr', 'batch_size'),
    [
        ({}, 6),
        (dict(base_batch_size=48), 48),
        (dict(base_batch_size=48, enable=True), 6),
        (dict(base_batch_size=48), None),
    ],
)
def test_nothing_is_warned_about_otherwise(auto_scale_lr, batch_size):
    assert find_batch_size_mismatch(auto_scale_lr, batch_size, 1) is None
