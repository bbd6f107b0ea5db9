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
    check_equal('classes', ('the checkpoint', ()), ('test_dataloader', ('a', 'b')))
    check_equal('classes', ('the checkpoint', ('a', 'b')), ('test_dataloader', ()))


TARGETS = SimpleNamespace(num_classes=2, targets=('valence', 'arousal'))


@pytest.mark.promise(
    'Settings and numbers',
    'Classes of dataset and head in another order are refused before the first step',
)
@pytest.mark.parametrize(
    ('head', 'dataset', 'said'),
    [
        (
            named('a', 'b'),
            data('b', 'a'),
            'model.cls_head has the classes a, b, but test_dataloader has b, a: give both the same',
        ),
        (
            TARGETS,
            SimpleNamespace(metainfo=dict(targets=['arousal', 'valence'])),
            'the targets valence, arousal, but test_dataloader has arousal',
        ),
        # A head without names is compared by number.
        (NUMBERS, data('a', 'b', 'c'), 'set cls_head.num_classes=3'),
    ],
)
def test_other_names_or_another_order_is_refused(head, dataset, said):
    with pytest.raises(ValueError, match=said):
        check_head(head, dataset, 'test_dataloader')


def test_a_zero_shot_head_takes_the_classes_of_the_dataset():
    told = []
    head = SimpleNamespace(classes=None, num_classes=0, set_vocabulary=told.append)
    check_head(head, data('a', 'b'), 'test_dataloader')
    assert told == [('a', 'b')]
    assert [has_only_numbers(each) for each in (head, named('a'), NUMBERS)] == [False, False, True]


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
