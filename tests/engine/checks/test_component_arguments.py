"""Misspelt arguments of this package's components are refused with those that exist."""

import re
from pathlib import Path

import pytest

from dferclip_mm.engine.checks.arguments import accepted, check_arguments
from dferclip_mm.engine.options import load_config
from dferclip_mm.models.heads import RegressionHead, TextPromptHead

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('model.cls_head.num_ctx', "TextPromptHead has no argument 'num_ctx', did you mean"),
        ('model.cls_head.text_encoder.archh', "CLIPTextEncoder has no argument 'archh', did you"),
        ('train_dataloader.dataset.split_', "DFEWDataset has no argument 'split_', did you mean"),
        ('val_dataloader.dataset.pipeline.1.frames', "SampleSegments has no argument 'frames'"),
        ('val_evaluator.bootstraps', "RecallMetric has no argument 'bootstraps', did you mean"),
        ('optim_wrapper.optimizer.momentun', "SGD has no argument 'momentun', did you mean 'momen"),
        ('param_scheduler.0.gama', "MultiStepLR has no argument 'gama', did you mean 'gamma'?"),
        ('default_hooks.preemption.signal', "PreemptionHook has no argument 'signal'"),
        # What is left of a replaced head.
        ('model.cls_head.num_classes', "TextPromptHead has no argument 'num_classes'"),
        ('model.cls_head.spatial_type', 'removes the settings of the base'),
    ],
)
def test_an_unknown_argument_is_refused_with_those_that_exist(key, said):
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        load_config(CONFIGS / 'dferclip_dfew.py', {key: 0})
    assert f'config: {key.rpartition(".")[0]}: ' in str(error.value)


def test_one_mistake_in_several_places_is_told_once():
    splits = [f'{split}_dataloader.dataset' for split in ('train', 'val', 'test')]
    said = f'^config: {", ".join(splits)}: DFEWDataset has no argument .flod., did you mean .fold.'
    with pytest.raises(ValueError, match=said) as error:
        load_config(CONFIGS / 'dferclip_dfew.py', {f'{split}.flod': 1 for split in splits})
    assert str(error.value).count('it takes') == 1


def test_arguments_that_are_passed_on_are_accepted():
    """MMAction2's own, through every base."""
    assert {'topk', 'loss_cls', 'num_context', 'num_segments'} <= accepted(TextPromptHead)
    assert 'num_classes' not in accepted(RegressionHead)
    loss = dict(type='CrossEntropyLoss')
    check_arguments(dict(model=dict(cls_head=dict(type='mmaction.TextPromptHead', loss_cls=loss))))
    check_arguments(dict(model=dict(type='Recognizer2D', of_mmaction2=1)))
    check_arguments(dict(default_hooks=dict(a=dict(type='PreemptionHook', priority='LOW'))))
