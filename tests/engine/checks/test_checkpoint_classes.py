"""Context vectors of one class cannot serve another."""

from types import SimpleNamespace

import pytest
import torch

from dferclip_mm.engine.checks.checkpoint_classes import check_context_classes


def prompted(class_specific=True, num_context=2):
    learner = SimpleNamespace(class_specific=class_specific, num_context=num_context)
    return SimpleNamespace(classes=('a', 'b'), prompt_learner=learner)


def checkpoint(classes=None, owners=2):
    context = {'cls_head.prompt_learner.context': torch.zeros(owners, 2, 4)}
    meta = {} if classes is None else {'dataset_meta': {'classes': classes}}
    return {'meta': meta, 'state_dict': context}


def test_context_of_the_same_classes_passes():
    for given in (checkpoint(('a', 'b')), checkpoint(), checkpoint()['state_dict']):
        check_context_classes(prompted(), given)


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
        check_context_classes(prompted(), given)


def test_one_context_serves_all_classes():
    others = checkpoint(('c', 'd', 'e'), 3)
    for head in (prompted(class_specific=False), prompted(num_context=0), SimpleNamespace(), None):
        check_context_classes(head, others)
