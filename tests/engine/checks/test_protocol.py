"""The lines on the protocol and on the batch size, word by word."""

import pytest

from dferclip_mm.engine.checks.protocol import describe_protocol, find_batch_size_mismatch


class Clips(list):
    def __init__(self, split):
        super().__init__(range(5))
        self.split = split


@pytest.mark.parametrize(
    ('split', 'save_best', 'end'),
    [
        ('test', ['dfer/WAR'], 'test clips is the result: as published, and optimistic, since'),
        ('validation', ['dfer/WAR'], 'validation clips is the result'),
        ('test', None, 'last epoch'),
        (None, ['dfer/WAR'], 'last epoch'),
    ],
)
def test_the_choice_of_the_result_is_told(split, save_best, end):
    said = describe_protocol(Clips(split) if split else None, save_best)
    if end == 'last epoch':
        assert said == 'the last epoch is the result; no checkpoint is chosen'
    else:
        assert said.startswith(f'the epoch with the best dfer/WAR on 5 {end}')


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
