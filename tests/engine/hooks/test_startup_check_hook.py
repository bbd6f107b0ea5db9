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


@pytest.mark.promise(
    'Settings and numbers',
    'Classes of dataset and head in another order are refused before the first step',
)
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


def test_head_of_the_host_needs_the_same_order_in_validation(hook):
    head = SimpleNamespace(num_classes=2)
    hook.before_train(runner_of(head, ('a', 'b')))
    with pytest.raises(ValueError, match='has the classes a, b, but val_dataloader has b, a'):
        hook.before_train(runner_of(head, ('a', 'b'), ('b', 'a')))


def test_head_that_learns_its_classes_from_data_is_validated_on_others(hook):
    head = SimpleNamespace(num_classes=2, classes=None, set_vocabulary=lambda names: None)
    hook.before_train(runner_of(head, ('a', 'b'), ('c', 'd')))


@pytest.mark.parametrize(('trained', 'refused'), [(('a', 'b'), False), (('b', 'a'), True)])
def test_head_of_the_host_is_tested_on_what_it_was_trained_for(hook, trained, refused):
    runner = runner_of(SimpleNamespace(num_classes=2), ('a', 'b'))
    hook.after_load_checkpoint(runner, dict(meta=dict(dataset_meta=dict(classes=trained))))
    # It may be trained further for other classes.
    hook.before_train(runner)
    if refused:
        with pytest.raises(ValueError, match='trained for b, a, but test_dataloader has a, b'):
            hook.before_test(runner)
    else:
        hook.before_test(runner)


def test_targets_are_compared_like_classes(hook):
    head = SimpleNamespace(num_classes=2, targets=('valence', 'arousal'))

    def loader(*names):
        return SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(targets=names)))

    runner = SimpleNamespace(model=SimpleNamespace(cls_head=head))
    runner.test_dataloader = loader('valence', 'arousal')
    hook.before_test(runner)
    runner.test_dataloader = loader('arousal', 'valence')
    with pytest.raises(ValueError, match='targets is valence, arousal, but test_dataloader has ar'):
        hook.before_test(runner)
