"""The data sets that read clips are found inside the host's wrappers."""

from frozen_runs import write_corpus
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dferclip_mm.engine.lookup import build_bare, leaves, settings_of


def dfew(root, test_mode):
    split = 'test' if test_mode else 'train'
    return dict(type='DFEWDataset', data_root=str(root / 'DFEW'), split=split, pipeline=[])


def joined(root):
    """Train, twice, then test."""
    repeated = dict(type='RepeatDataset', times=2, dataset=dfew(root, False))
    return dict(type='ConcatDataset', datasets=[repeated, dfew(root, True)])


def names(datasets):
    return [each.get_data_info(0)['filename'].rsplit('/', 1)[1] for each in datasets]


def test_leaves_of_built_data_sets(tmp_path):
    init_default_scope('mmaction')
    whole = DATASETS.build(joined(write_corpus(tmp_path)))
    assert len(whole) == 21
    assert names(leaves(whole)) == ['00001', '00002']
    alone = next(leaves(whole))
    assert [*leaves(alone)] == [alone]


def test_leaves_of_settings(tmp_path):
    init_default_scope('mmaction')
    root = write_corpus(tmp_path)
    loader = dict(dataset=joined(root))
    cfg = Config(
        dict(
            train_dataloader=loader,
            val_dataloader=None,
            test_dataloader=dict(dataset=dfew(root, True)),
        )
    )
    assert [each.split for each in settings_of(cfg)] == ['train', 'test', 'test']
    assert names(build_bare(cfg)) == ['00001', '00002', '00002']
