"""Datasets and heads that number other classes are refused."""

from types import SimpleNamespace

import pytest

from dferclip_mm.engine.checks.classes import (
    check_dataset_classes,
    check_test_classes,
    check_validation_classes,
)


def data(*classes):
    return SimpleNamespace(metainfo=dict(classes=classes))


def named(*classes):
    return SimpleNamespace(classes=classes, num_classes=len(classes))


NUMBERS = SimpleNamespace(num_classes=2)


def test_the_same_classes_pass():
    check_dataset_classes(named('a', 'b'), data('a', 'b'), 'train_dataloader')
    check_dataset_classes(NUMBERS, data('a', 'b'), 'train_dataloader')
    check_dataset_classes(named('a', 'b'), SimpleNamespace(), 'train_dataloader')
    check_dataset_classes(None, data('a', 'b'), 'train_dataloader')


def test_another_order_is_refused():
    with pytest.raises(ValueError, match='classes is a, b, but train_dataloader has b, a'):
        check_dataset_classes(named('a', 'b'), data('b', 'a'), 'train_dataloader')


def test_another_order_of_targets_is_refused():
    head = SimpleNamespace(num_classes=2, targets=('valence', 'arousal'))
    dataset = SimpleNamespace(metainfo=dict(targets=['arousal', 'valence']))
    with pytest.raises(ValueError, match='targets is valence, arousal, but test_dataloader has ar'):
        check_dataset_classes(head, dataset, 'test_dataloader')


def test_a_head_without_names_is_compared_by_number():
    with pytest.raises(ValueError, match=r'set cls_head.num_classes=3'):
        check_dataset_classes(NUMBERS, data('a', 'b', 'c'), 'test_dataloader')


def test_a_zero_shot_head_takes_the_classes_of_the_dataset():
    told = []
    head = SimpleNamespace(classes=None, num_classes=0, set_vocabulary=told.append)
    check_dataset_classes(head, data('a', 'b'), 'test_dataloader')
    assert told == [('a', 'b')]
    check_validation_classes(head, data('a', 'b'), data('c', 'd'))


def test_a_head_without_names_needs_the_same_order_in_validation():
    check_validation_classes(NUMBERS, data('a', 'b'), data('a', 'b'))
    with pytest.raises(ValueError, match='has the classes a, b, but val_dataloader has b, a'):
        check_validation_classes(NUMBERS, data('a', 'b'), data('b', 'a'))


def test_a_head_without_names_is_tested_on_the_classes_of_its_training():
    check_test_classes(('a', 'b'), data('a', 'b'))
    check_test_classes((), data('a', 'b'))
    with pytest.raises(ValueError, match='trained for b, a, but test_dataloader has a, b'):
        check_test_classes(('b', 'a'), data('a', 'b'))
