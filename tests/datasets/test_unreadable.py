"""What a data set gives for a clip that cannot be read."""

import copy
import multiprocessing

import numpy as np
import pytest
import torch
from clip_files import PACK, read_steps
from lengths import only_long
from mmaction.registry import DATASETS
from mmengine.dataset import BaseDataset, pseudo_collate
from torch.utils.data import DataLoader

from dferclip_mm.datasets.unreadable import UnreadableClips
from dferclip_mm.media.errors import ClipReadError

PIPELINE = [
    *read_steps(2, dict(type='ClipResize', size=8), PACK[0]),
    dict(type='PackActionInputs', meta_keys=('sample_idx', 'filename', 'img_shape')),
]
CLIPS = 10


@pytest.fixture
def build(tmp_path, frames, text):
    """Ten clips of MAFW, some of them empty; clip n is anger for even n, else fear."""

    def build_mafw(bad=(), **kwargs):
        lines = []
        for number in range(CLIPS):
            count = 0 if number in bad else 2
            frames(tmp_path / f'data/faces/{number:05}', count)
            lines.append(f'{number:05} {"fear" if number % 2 else "anger"}')
        text(tmp_path / 'list.txt', '\n'.join(lines))
        settings = dict(type='MAFWDataset', data_root=str(tmp_path), ann_file='list.txt')
        return DATASETS.build({**settings, 'pipeline': PIPELINE, **kwargs})

    return build_mafw


@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (dict(policy='wrong'), r"unreadable='wrong': expected 'replace' or 'raise' in training"),
        (dict(policy='replace', test_mode=True), "expected 'raise' or 'wrong' in evaluation"),
        (dict(policy=None, max_replaced=7), 'expected a share of the clips from 0 to 1'),
    ],
)
def test_an_unknown_policy_is_refused(kwargs, said):
    assert UnreadableClips(None).policy == 'replace'
    with pytest.raises(ValueError, match=said):
        UnreadableClips(**kwargs)


def index_of(item):
    return item['data_samples'].metainfo['sample_idx']


@pytest.mark.promise(
    'Clips', 'The replacement of an unreadable clip depends only on seed, epoch and sample'
)
def test_replacement_follows_from_the_random_numbers_and_is_told_once(build, said_by):
    said = said_by('dferclip_mm.datasets.unreadable')
    dataset = build(bad=[3, 4], max_replaced=0.2)
    taken = set()
    for seed in range(100):
        np.random.seed(seed)
        first = dataset[3]
        np.random.seed(seed)
        assert index_of(dataset[3]) == index_of(first)
        taken.add(index_of(first))
    # Drawn among all the others; a second bad clip is passed over.
    assert taken == set(range(CLIPS)) - {3, 4}
    assert first['inputs'].any()
    assert dataset.unreadable.found() == [3, 4]
    assert [message.split(' (')[0].rpartition('/')[2] for message in said] == ['00003', '00004']
    assert all('another clip is taken' in message for message in said)


@pytest.mark.promise(
    'Clips', 'Above `max_replaced` (1 %) the run stops and names the replaced clips'
)
def test_the_replaced_are_capped_and_named(build):
    dataset = build(bad=[1, 5, 6], max_replaced=0.2)
    for index in (1, 5):
        dataset[index]
    with pytest.raises(ClipReadError) as error:
        dataset[6]
    assert str(error.value).startswith(
        '3 of 10 training clips cannot be read, more than max_replaced=0.2 of them: '
    )
    for name, line in (('00001', 2), ('00005', 6), ('00006', 7)):
        assert f'{name} (listed in {dataset.ann_file}:{line})' in str(error.value)


def test_each_unreadable_clip_is_tried_once_in_looking_for_another(build, monkeypatch):
    dataset = build(bad=set(range(CLIPS)) - {7}, test_mode=True, unreadable='wrong')
    read, tried = type(dataset).prepare_data, []
    monkeypatch.setattr(
        type(dataset), 'prepare_data', lambda self, idx: tried.append(idx) or read(self, idx)
    )
    samples = [dataset[index]['data_samples'].metainfo for index in range(CLIPS)]
    assert [index for index in range(CLIPS) if 'unreadable' not in samples[index]] == [7]
    assert [sample['sample_idx'] for sample in samples] == [*range(CLIPS)]
    # Each by itself, each at most once in looking for another, and the one for each.
    assert len(tried) <= 3 * CLIPS


@pytest.mark.parametrize('method', ['fork', pytest.param('spawn', marks=only_long)])
def test_workers_and_main_process_know_the_same_clips(build, method):
    dataset = build(bad=[3, 8], max_replaced=0.2)
    loader = DataLoader(
        dataset,
        batch_size=2,
        num_workers=2,
        collate_fn=pseudo_collate,
        multiprocessing_context=multiprocessing.get_context(method),
    )
    for _ in range(2 if method == 'fork' else 1):
        assert sum(len(batch['inputs']) for batch in loader) == CLIPS
    assert dataset.unreadable.found() == [3, 8]


def test_an_evaluated_clip_keeps_its_name_and_label_without_pixels(build):
    dataset = build(bad=[3, 4], test_mode=True, unreadable='wrong')
    good, item = dataset[2], dataset[3]
    sample = item['data_samples']
    assert sample.metainfo['sample_idx'] == 3
    assert sample.metainfo['filename'].endswith('/00003')
    assert sample.metainfo['unreadable'].startswith(sample.metainfo['filename'])
    assert sample.gt_label.tolist() == [6]
    assert item['inputs'].shape == good['inputs'].shape
    assert not item['inputs'].any()
    assert 'unreadable' not in good['data_samples'].metainfo
    assert torch.equal(dataset[2]['inputs'], good['inputs'])


def test_in_evaluation_the_first_unreadable_clip_is_an_error_with_its_line(build, tmp_path):
    dataset = build(bad=[3], test_mode=True)
    with pytest.raises(ClipReadError, match=rf'00003 \(listed in {tmp_path}/list.txt:4\): '):
        dataset[3]


def test_errors_of_the_program_are_no_unreadable_clips(build):
    dataset = build(bad=[0], test_mode=True, unreadable='wrong', pipeline=PIPELINE[:3])
    with pytest.raises(ValueError, match='needs a pipeline that ends in PackActionInputs'):
        dataset[0]
    dataset = build(pipeline=PIPELINE[1:])
    with pytest.raises(KeyError, match='total_frames'):
        dataset[0]
    assert dataset.unreadable.found() == []


def test_without_any_readable_clip_it_ends(build):
    with pytest.raises(ClipReadError, match='100 clips in a row cannot be read'):
        build(bad=range(CLIPS), max_replaced=1.0)[0]
    evaluated = build(bad=range(CLIPS), test_mode=True, unreadable='wrong')
    with pytest.raises(ClipReadError, match=r'none of the 10 clips can be read, .*00000 \(list'):
        evaluated[0]


def test_subsets_and_copies_count_their_own_clips(build):
    # MMEngine's memo is one for all, in which an object that is gone stands for a new one.
    shared = BaseDataset._copy_without_annotation.__defaults__[0]
    before = len(shared)
    dataset = build(bad=[3, 4], max_replaced=0.5)
    part, twin = dataset.get_subset([4, 5, 6]), copy.deepcopy(dataset)
    part[0], twin[4]
    assert [each.unreadable.found() for each in (dataset, part, twin)] == [[], [0], [4]]
    assert twin.unreadable._flags.is_shared()
    dataset[3]
    dataset.get_subset_([2, 3])
    assert dataset.unreadable.found() == []
    dataset[1]
    assert dataset.unreadable.found() == [1]
    assert len(shared) == before


def test_the_cap_counts_over_workers(build):
    """Neither worker alone sees more clips than are allowed. (PyTorch ends workers slowly.)"""
    dataset = build(bad=[0, 1], max_replaced=0.1)
    with pytest.raises(ClipReadError, match='2 of 10 training clips'):
        list(DataLoader(dataset, batch_size=1, num_workers=2, collate_fn=pseudo_collate))
