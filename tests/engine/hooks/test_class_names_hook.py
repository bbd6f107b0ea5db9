from types import SimpleNamespace

import pytest
from mmaction.registry import HOOKS


def runner_of(head, classes, val_classes=None):
    def loader(names):
        return SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=names)))

    return SimpleNamespace(
        model=SimpleNamespace(cls_head=head),
        train_dataloader=loader(classes),
        val_dataloader=loader(val_classes or classes),
        test_dataloader=loader(classes),
        val_loop=object(),
    )


def named(*classes):
    return SimpleNamespace(classes=classes, num_classes=len(classes))


@pytest.fixture
def hook():
    return HOOKS.build(dict(type='ClassNamesHook'))


def test_same_classes_pass(hook):
    runner = runner_of(named('a', 'b'), ('a', 'b'))
    hook.before_train(runner)
    hook.before_test(runner)


def test_other_order_is_refused(hook):
    with pytest.raises(ValueError, match=r'classes is a, b, but train_dataloader has b, a'):
        hook.before_train(runner_of(named('a', 'b'), ('b', 'a')))


def test_validation_data_is_compared_too(hook):
    with pytest.raises(ValueError, match='val_dataloader has a, c'):
        hook.before_train(runner_of(named('a', 'b'), ('a', 'b'), ('a', 'c')))


def test_head_of_the_host_is_compared_by_number(hook):
    with pytest.raises(ValueError, match=r'set cls_head.num_classes=2'):
        hook.before_test(runner_of(SimpleNamespace(num_classes=400), ('a', 'b')))


def test_data_without_names_passes(hook):
    hook.before_train(runner_of(named('a', 'b'), ()))
