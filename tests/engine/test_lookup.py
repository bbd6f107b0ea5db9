"""Hooks are found by class, and datasets inside MMEngine's wrappers."""

from types import SimpleNamespace

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, LoggerHook
from small_runs import write_frozen_corpus

from dferclip_mm.engine.hooks import AtomicCheckpointHook
from dferclip_mm.engine.lookup import (
    build_without_pipeline,
    dataset_configs,
    find_hook,
    unwrap_datasets,
)


def dfew(root, split):
    return dict(type='DFEWDataset', data_root=str(root / 'DFEW'), split=split, pipeline=[])


def joined(root):
    """Train, twice, then test."""
    repeated = dict(type='RepeatDataset', times=2, dataset=dfew(root, 'train'))
    return dict(type='ConcatDataset', datasets=[repeated, dfew(root, 'test')])


def names(datasets):
    return [each.get_data_info(0)['filename'].rsplit('/', 1)[1] for each in datasets]


def test_a_hook_is_found_by_its_class_or_its_base():
    runner = SimpleNamespace(hooks=[LoggerHook(), AtomicCheckpointHook()])
    assert find_hook(runner, CheckpointHook) is runner.hooks[1]
    assert find_hook(SimpleNamespace(hooks=[]), CheckpointHook) is None


def test_built_datasets_are_unwrapped(tmp_path):
    whole = DATASETS.build(joined(write_frozen_corpus(tmp_path)))
    assert len(whole) == 21
    assert names(unwrap_datasets(whole)) == ['00001', '00002']
    inner = next(unwrap_datasets(whole))
    assert [*unwrap_datasets(inner)] == [inner]


def test_the_datasets_of_a_config_are_listed_and_built(tmp_path):
    root = write_frozen_corpus(tmp_path)
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=joined(root)),
            val_dataloader=None,
            test_dataloader=dict(dataset=dfew(root, 'test')),
        )
    )
    assert [each.split for each in dataset_configs(cfg)] == ['train', 'test', 'test']
    assert names(build_without_pipeline(cfg)) == ['00001', '00002', '00002']
