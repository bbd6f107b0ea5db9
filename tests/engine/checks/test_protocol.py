"""The lines on the protocol and on the batch size, word by word."""

import pytest

from dferclip_mm.engine.checks.protocol import describe_protocol, find_batch_size_mismatch


class Clips(list):
    def __init__(self, split):
        super().__init__(range(5))
        self.split = split


def test_choosing_on_test_clips_is_called_optimistic():
    assert describe_protocol(Clips('test'), ['dfer/WAR']) == (
        'the epoch with the best dfer/WAR on 5 test clips is the result: as published, and '
        'optimistic, since those clips are the test'
    )


def test_choosing_on_held_out_clips_is_not():
    assert describe_protocol(Clips('validation'), ['dfer/WAR', 'dfer/UAR']) == (
        'the epoch with the best dfer/WAR, dfer/UAR on 5 validation clips is the result'
    )


@pytest.mark.parametrize(('dataset', 'save_best'), [(Clips('test'), None), (None, ['dfer/WAR'])])
def test_without_a_choice_the_last_epoch_is_the_result(dataset, save_best):
    said = describe_protocol(dataset, save_best)
    assert said == 'the last epoch is the result; no checkpoint is chosen'


def test_a_smaller_batch_is_warned_about_with_both_remedies():
    assert find_batch_size_mismatch(dict(base_batch_size=48, enable=False), 6, 2) == (
        'the learning rates are for a batch size of 48 (auto_scale_lr.base_batch_size), this run '
        'has 12 (6 clips x 2 processes): pass --batch-size 24, or scale the rates with '
        '--auto-scale-lr'
    )


def test_accumulated_iterations_count():
    said = find_batch_size_mismatch(dict(base_batch_size=48), 6, 2, 2)
    assert 'has 24 (6 clips x 2 processes x 2 accumulated iterations): pass --batch-size 12' in said
    assert find_batch_size_mismatch(dict(base_batch_size=48), 12, 2, 2) is None


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
