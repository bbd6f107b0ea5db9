"""Labels that a list numbers otherwise, classes that are merged, corpora together, no labels."""

import numpy as np
import pytest
import torch
from clip_files import PACK, read_steps
from mini_corpora import write_dfew, write_ferv39k, write_mafw, write_text
from mmaction.registry import DATASETS, METRICS

SEVEN = ('happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear')
OTHERS = ('contempt', 'anxiety', 'helplessness', 'disappointment')
VALENCE = dict.fromkeys(SEVEN, 'negative') | dict(
    happiness='positive', surprise='positive', neutral='neutral'
)


def build(kind, root, **kwargs):
    return DATASETS.build(dict(type=kind, data_root=str(root), pipeline=[], **kwargs))


def labels(dataset):
    return [dataset.get_data_info(index)['label'] for index in range(len(dataset))]


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    """Each corpus in small, a clip per class and split."""
    folder = tmp_path_factory.mktemp('corpora')
    return dict(
        dfew=write_dfew(folder / 'DFEW', num_frames=2),
        ferv39k=write_ferv39k(folder / 'FERV39k', num_frames=2),
        mafw=write_mafw(folder / 'MAFW', num_frames=2),
    )


@pytest.fixture
def own(roots, tmp_path):
    """Build a dataset over a list of one's own."""

    def build_own(kind, text, **kwargs):
        write_text(tmp_path / 'own.txt', text)
        root = roots[kind.removesuffix('Dataset').lower()]
        return build(kind, root, ann_file=str(tmp_path / 'own.txt'), **kwargs)

    return build_own


REVERSED = [*reversed(SEVEN)]


@pytest.mark.parametrize(
    ('kind', 'text', 'given', 'expected'),
    [
        ('DFEWDataset', 'video_name,label\n1,0\n3,6', dict(first=0), [0, 6]),
        ('DFEWDataset', '1,0\n3,2', dict(first=0, order=REVERSED), [6, 4]),
        ('DFEWDataset', '/x/00001 16 1\n/x/00003 16 7', dict(first=1), [0, 6]),
        ('FERV39kDataset', '/x/Action/Sad/0000 16 2', dict(first=1, order=SEVEN), [1]),
        ('MAFWDataset', '00001.mp4\t0\tx\ty', dict(first=0, order=REVERSED), [6]),
        (
            'MAFWDataset',
            '00001.mp4 0\n00003.mp4 1',
            dict(first=0, order=['fear', 'anger_fear']),
            [6, 11],
        ),
    ],
)
def test_the_first_number_and_the_order_of_labels_can_be_given(own, kind, text, given, expected):
    classes = dict(metainfo=dict(classes=(*SEVEN, *OTHERS, 'anger_fear')))
    compound = 'anger_fear' in given.get('order', ())
    options = dict(compound=True, **classes) if compound else {}
    assert labels(own(kind, text, labels=given, **options)) == expected


def test_a_label_outside_names_the_way_to_read_it(own):
    said = r"txt:2: expected a label from 1 \(happiness\) to 7 \(fear\); labels=dict\(first=.*'0'"
    with pytest.raises(ValueError, match=said):
        own('DFEWDataset', 'video_name,label\n1,0')
    with pytest.raises(ValueError, match=r"labels=dict\(first=\.\.\.\) for numbers, found '3'"):
        own('FERV39kDataset', 'Action/Happy/0000 3')
    forms = "expected 'video_name,label', 'path num_frames label' .* labelled=False, found '1 2'"
    with pytest.raises(ValueError, match=forms):
        own('DFEWDataset', '1 2')


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        (dict(labels=dict(start=0)), r'expected labels=dict\(first=0\) or .*start'),
        (dict(labels=dict(order=REVERSED)), r'expected labels=dict\(first=0\) or'),
        (dict(labels=dict(first='0')), r'expected labels=dict\(first=0\) or'),
        (dict(labels=dict(first=0, order=['hapiness'])), "labels.order: 'hapiness' is not a class"),
        (
            dict(class_map=dict(angre='x')),
            "class_map: 'angre' is not a class: did you mean 'anger'",
        ),
        (dict(metainfo=dict(classes=['a', 'a'])), 'a repeated'),
        (dict(labelled=False), r'labelled=False is for prediction \(test_mode=True\)'),
    ],
)
def test_arguments_about_classes_are_checked(roots, wrong, said):
    with pytest.raises(ValueError, match=said):
        build('DFEWDataset', roots['dfew'], **wrong)


def test_settings_that_would_be_lost_are_refused(tmp_path, roots):
    with pytest.raises(ValueError, match=r'labels are for a list \(ann_file\); folders name emot'):
        build('AFEWDataset', tmp_path, labels=dict(first=0))
    alone = dict(labelled=False, test_mode=True)
    with pytest.raises(ValueError, match='labelled=False takes a list of clips, without captions'):
        build('MAFWDataset', roots['mafw'], captions=True, **alone)
    for lost in (dict(labels=dict(first=0)), dict(exclude_classes='fear')):
        with pytest.raises(ValueError, match='of all clips of a list, without labels, val_frac'):
            build('DFEWDataset', roots['dfew'], **alone, **lost)


def test_classes_are_merged_by_name(roots):
    dataset = build('DFEWDataset', roots['dfew'], class_map=VALENCE)
    assert dataset.metainfo['classes'] == ('positive', 'negative', 'neutral')
    assert labels(dataset) == [0, 1, 2, 1, 0, 1, 1]
    order = dict(classes=['negative', 'neutral', 'positive'])
    dataset = build('DFEWDataset', roots['dfew'], class_map=VALENCE, metainfo=order)
    assert labels(dataset) == [2, 0, 1, 0, 2, 0, 0]
    chosen = dict(class_map=VALENCE, exclude_classes=['fear', 'positive'])
    assert labels(build('DFEWDataset', roots['dfew'], **chosen)) == [1, 2, 1, 1]
    chosen = dict(class_map=VALENCE, include_classes=['fear', 'positive'])
    assert labels(build('DFEWDataset', roots['dfew'], **chosen)) == [0, 0, 1]


def test_mafw_is_reduced_to_seven_classes(roots):
    with pytest.raises(ValueError, match=r"a label of the classes happiness, .* found 'contempt'"):
        build('MAFWDataset', roots['mafw'], metainfo=dict(classes=SEVEN))
    seven = dict(metainfo=dict(classes=[*SEVEN]), exclude_classes=OTHERS)
    dataset = build('MAFWDataset', roots['mafw'], **seven)
    assert dataset.metainfo['classes'] == SEVEN
    assert labels(dataset) == [*range(7)]


def concat(*datasets):
    parts = [
        dict(type=kind, data_root=str(root), pipeline=read_steps(2, *PACK), **rest)
        for kind, root, rest in datasets
    ]
    return dict(type='ConcatDataset', datasets=parts)


def test_clips_with_scores_have_no_classes_to_balance(tmp_path, frames):
    frames(tmp_path / 'a', 2)
    write_text(tmp_path / 's.csv', 'clip,pain\na,1\n')
    settings = dict(
        type='ClipListDataset',
        data_root=str(tmp_path),
        ann_file='s.csv',
        columns=dict(path='clip', label=None, scores=['pain']),
        pipeline=[],
    )
    with pytest.raises(ValueError, match='have scores and no classes to balance'):
        DATASETS.build(dict(type='ClassBalancedDataset', dataset=settings, oversample_thr=0.5))


@pytest.mark.parametrize(
    ('kind', 'text', 'found'),
    [
        ('DFEWDataset', 'video_name\n1\n00003.mp4\n', ['00001', '00003']),
        ('MAFWDataset', '00001.mp4\r\n00003', ['00001', '00003']),
    ],
)
def test_clips_without_labels_are_read_for_prediction(own, kind, text, found):
    dataset = own(kind, text, labelled=False, test_mode=True)
    items = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [item['filename'].rpartition('/')[2] for item in items] == found
    assert all('label' not in item for item in items)
    assert [dataset.get_cat_ids(index) for index in range(len(dataset))] == [[]] * len(found)


def test_mmengines_class_balance_repeats_rare_classes_through_its_wrappers(roots, tmp_path):
    # Six clips of DFEW, one of them of disgust.
    write_text(tmp_path / 'rare.csv', '1,1\n3,1\n5,1\n7,2\n9,2\n11,6')
    rare = ('DFEWDataset', roots['dfew'], dict(ann_file=str(tmp_path / 'rare.csv')))
    other = ('FERV39kDataset', roots['ferv39k'], dict(include_classes='happiness'))
    # ceil(sqrt(0.5 / share)): 1/6 of disgust is repeated, 2/6 of sadness too, 3/6 is not.
    expected = [0, 0, 0, 1, 1, 1, 1, 5, 5]
    for inner, numbers in (
        (concat(rare)['datasets'][0], expected),
        (concat(rare, other), [*expected, 0]),
        (dict(type='RepeatDataset', times=2, dataset=concat(rare)), expected * 2),
    ):
        balanced = dict(type='ClassBalancedDataset', dataset=inner, oversample_thr=0.5)
        dataset = DATASETS.build(balanced)
        assert labels(dataset) == numbers
        found = [dataset.get_cat_ids(index) for index in range(len(dataset))]
        assert found == [[number] for number in numbers]
        assert dataset[len(dataset) - 1]['inputs'].shape == (2, 3, 24, 20)


def test_uar_and_war_of_merged_classes_count_each_clip_by_its_merged_class(roots):
    dataset = build('DFEWDataset', roots['dfew'], class_map=VALENCE)
    metric = METRICS.build(dict(type='RecallMetric'))
    metric.dataset_meta = dataset.metainfo
    # Always 'negative': right for 4 of 7 clips, and for one class of three.
    scores = np.eye(3)[[1] * 7]
    samples = [
        dict(sample_idx=index, gt_label=torch.tensor([label]), pred_score=torch.tensor(score))
        for index, (label, score) in enumerate(zip(labels(dataset), scores, strict=True))
    ]
    metric.process(None, samples)
    scored = metric.evaluate(7)
    assert scored['dfer/WAR'] == pytest.approx(400 / 7)
    assert scored['dfer/UAR'] == pytest.approx(100 / 3)
    assert scored['dfer/recall/negative'] == 100


def test_corpora_in_another_class_order_do_not_train_together(roots):
    other = dict(metainfo=dict(classes=REVERSED))
    with pytest.raises(ValueError, match='does not match meta information'):
        DATASETS.build(
            concat(('DFEWDataset', roots['dfew'], {}), ('FERV39kDataset', roots['ferv39k'], other))
        )
