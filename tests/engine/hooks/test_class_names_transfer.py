"""Classes that come from the data, and contexts that cannot go to others."""

from types import SimpleNamespace

import pytest
import torch
from mmaction.registry import HOOKS


@pytest.fixture
def hook():
    return HOOKS.build(dict(type='ClassNamesHook'))


def runner_of(head, classes=('a', 'b')):
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
    return SimpleNamespace(model=SimpleNamespace(cls_head=head), test_dataloader=loader)


def prompted(classes, class_specific=True, num_context=2):
    learner = SimpleNamespace(class_specific=class_specific, num_context=num_context)
    return SimpleNamespace(classes=classes, num_classes=len(classes), prompt_learner=learner)


def checkpoint(classes=None, owners=2):
    context = {'cls_head.prompt_learner.context': torch.zeros(owners, 2, 4)}
    meta = {} if classes is None else {'dataset_meta': {'classes': classes}}
    return {'meta': meta, 'state_dict': context}


def test_a_head_without_classes_is_told_those_of_the_data(hook):
    told = []
    head = SimpleNamespace(classes=None, num_classes=0, set_vocabulary=told.append)
    hook.before_test(runner_of(head))
    assert told == [('a', 'b')]


def test_contexts_of_the_same_classes_pass(hook):
    runner = runner_of(prompted(('a', 'b')))
    for given in (checkpoint(('a', 'b')), checkpoint(), checkpoint()['state_dict']):
        hook.after_load_checkpoint(runner, given)


@pytest.mark.parametrize(
    ('given', 'said'),
    [
        # As many, and their tensors would fit.
        (checkpoint(('a', 'c')), 'for each of a, c, which cannot score a, b'),
        (checkpoint(owners=3), 'for each of 3 other classes, which cannot score a, b'),
        ({'meta': {'classes': ['c']}, 'state_dict': {}}, 'for each of c, which cannot'),
    ],
)
def test_contexts_of_other_classes_are_refused(hook, given, said):
    with pytest.raises(ValueError, match=said):
        hook.after_load_checkpoint(runner_of(prompted(('a', 'b'))), given)


def test_one_context_serves_all_classes(hook):
    for head in (prompted(('a', 'b'), class_specific=False), prompted(('a', 'b'), num_context=0)):
        hook.after_load_checkpoint(runner_of(head), checkpoint(('c', 'd', 'e'), 3))
    hook.after_load_checkpoint(runner_of(SimpleNamespace(num_classes=2)), checkpoint(('c',)))
