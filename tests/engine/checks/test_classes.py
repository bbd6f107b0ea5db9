"""Datasets, heads and checkpoints that number other classes are refused."""

from types import SimpleNamespace

import pytest
import torch

from dferclip_mm.engine.checks.classes import (
    check_context,
    check_equal,
    check_head,
    has_only_numbers,
)


def data(*classes):
    return SimpleNamespace(metainfo=dict(classes=classes))


def named(*classes):
    return SimpleNamespace(classes=classes, num_classes=len(classes))


NUMBERS = SimpleNamespace(num_classes=2)


def test_a_head_with_the_classes_of_the_dataset_passes():
    for head in (named('a', 'b'), NUMBERS, None):
        check_head(head, data('a', 'b'), 'train_dataloader')
    check_head(named('a', 'b'), SimpleNamespace(), 'train_dataloader')


@pytest.mark.promise(
    'Settings and numbers',
    'Classes of dataset and head in another order are refused before the first step',
)
def test_another_order_is_refused():
    said = 'model.cls_head has the classes a, b, but train_dataloader has b, a: give both the same'
    with pytest.raises(ValueError, match=said):
        check_head(named('a', 'b'), data('b', 'a'), 'train_dataloader')


def test_another_order_of_targets_is_refused():
    head = SimpleNamespace(num_classes=2, targets=('valence', 'arousal'))
    dataset = SimpleNamespace(metainfo=dict(targets=['arousal', 'valence']))
    with pytest.raises(
        ValueError, match='the targets valence, arousal, but test_dataloader has ar'
    ):
        check_head(head, dataset, 'test_dataloader')


def test_a_head_without_names_is_compared_by_number():
    with pytest.raises(ValueError, match=r'set cls_head.num_classes=3'):
        check_head(NUMBERS, data('a', 'b', 'c'), 'test_dataloader')
    assert has_only_numbers(NUMBERS)
    assert not has_only_numbers(named('a', 'b'))


def test_a_zero_shot_head_takes_the_classes_of_the_dataset():
    told = []
    head = SimpleNamespace(classes=None, num_classes=0, set_vocabulary=told.append)
    check_head(head, data('a', 'b'), 'test_dataloader')
    assert told == [('a', 'b')]
    assert not has_only_numbers(head)


def test_unknown_classes_fit_any():
    check_equal('classes', ('the checkpoint', ()), ('test_dataloader', ('a', 'b')))
    check_equal('classes', ('the checkpoint', ('a', 'b')), ('test_dataloader', ()))


def prompted(class_specific=True, num_context=2):
    learner = SimpleNamespace(class_specific=class_specific, num_context=num_context)
    return SimpleNamespace(classes=('a', 'b'), prompt_learner=learner)


def checkpoint(classes=None, owners=2):
    context = {'cls_head.prompt_learner.context': torch.zeros(owners, 2, 4)}
    meta = {} if classes is None else {'dataset_meta': {'classes': classes}}
    return {'meta': meta, 'state_dict': context}


def test_context_of_the_same_classes_passes():
    for given in (checkpoint(('a', 'b')), checkpoint(), checkpoint()['state_dict']):
        check_context(prompted(), given)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        # As many, so their tensors would fit.
        (checkpoint(('a', 'c')), 'for each of a, c, which cannot score a, b'),
        (checkpoint(owners=3), 'for each of 3 other classes, which cannot score a, b'),
        ({'meta': {'classes': ['c']}, 'state_dict': {}}, 'for each of c, which cannot'),
    ],
)
def test_context_of_other_classes_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        check_context(prompted(), given)


def test_one_context_serves_all_classes():
    others = checkpoint(('c', 'd', 'e'), 3)
    for head in (prompted(class_specific=False), prompted(num_context=0), SimpleNamespace(), None):
        check_context(head, others)
