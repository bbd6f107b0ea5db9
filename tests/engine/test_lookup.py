"""Datasets are found inside MMEngine's wrappers."""

from mmaction.registry import DATASETS
from mmengine.config import Config
from small_runs import write_frozen_corpus

from dferclip_mm.engine.lookup import build_without_pipeline, dataset_configs, unwrap_datasets


def names(datasets):
    return [each.get_data_info(0)['filename'].rsplit('/', 1)[1] for each in datasets]


def test_the_datasets_of_a_config_are_listed_and_built(tmp_path):
    root = write_frozen_corpus(tmp_path)
    train, test = (
        dict(type='DFEWDataset', data_root=str(root / 'DFEW'), split=split, pipeline=[])
        for split in ('train', 'test')
    )
    repeated = dict(type='RepeatDataset', times=2, dataset=train)
    joined = dict(type='ConcatDataset', datasets=[repeated, test])
    loaders = dict(train_dataloader=dict(dataset=joined), val_dataloader=None)
    cfg = Config(dict(**loaders, test_dataloader=dict(dataset=test)))
    assert [each.split for each in dataset_configs(cfg)] == ['train', 'test', 'test']
    assert names(build_without_pipeline(cfg)) == ['00001', '00002', '00002']
    whole = DATASETS.build(joined)
    assert len(whole) == 21
    assert names(unwrap_datasets(whole)) == ['00001', '00002']
