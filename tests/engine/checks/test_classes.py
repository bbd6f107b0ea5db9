"""Datasets, heads and checkpoints that number other classes are refused."""

from types import SimpleNamespace

import pytest

from dferclip_mm.engine.checks.classes import check_head, is_bound_to_classes


def data(*classes):
    return SimpleNamespace(metainfo=dict(classes=classes))


def named(*classes):
    return SimpleNamespace(classes=classes, num_classes=len(classes))


NUMBERS = SimpleNamespace(num_classes=2)


def test_a_head_with_the_classes_of_the_dataset_passes():
    for head in (named('a', 'b'), NUMBERS, None):
        check_head(head, data('a', 'b'), 'train_dataloader')
    check_head(named('a', 'b'), SimpleNamespace(), 'train_dataloader')


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
    assert not is_bound_to_classes(head)


def prompted(class_specific, num_context=2):
    learner = SimpleNamespace(class_specific=class_specific, num_context=num_context)
    return SimpleNamespace(classes=('a', 'b'), prompt_learner=learner)


def test_heads_of_numbers_or_with_context_for_each_class_are_bound_to_their_classes():
    bound = NUMBERS, prompted(class_specific=True)
    assert all(map(is_bound_to_classes, bound))
    free = named('a'), prompted(class_specific=False), prompted(True, num_context=0), TARGETS, None
    assert not any(map(is_bound_to_classes, free))
