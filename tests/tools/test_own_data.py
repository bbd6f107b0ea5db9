"""configs/custom.py on a drawn CSV: checked, trained by folds, with every line for imbalance."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from clip_files import read_steps, write_video
from mini_corpora import write_clip, write_dfew, write_mafw, write_text
from mmaction.registry import DATASETS
from mmengine.config import Config
from processes import in_processes
from small_parts import recorded_steps
from small_runs import CONFIGS, ROOT, frozen_config, run_tool, small_config, start, write_weights

from dferclip_mm.converters import bake_text_features
from dferclip_mm.engine.cross_validation import find_folds
from dferclip_mm.engine.model import load_model
from dferclip_mm.engine.options import load_config

CLASSES = ('no pain', 'pain')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Twelve people with two clips of each class, and a third without pain."""
    root = tmp_path_factory.mktemp('own')
    rows = ['path,label,subject,text,calm,hurt']
    for person in range(12):
        for clip, label in enumerate(('pain', 'pain', *['no pain'] * 3)):
            name = f'{person}/{clip}'
            write_clip(root / 'custom/clips' / name, 3, 'jpg')
            votes = '1,3' if label == 'pain' else '4,0'
            rows.append(f'{name},{label},person {person},A face of {label}.,{votes}')
    write_text(root / 'custom/clips.csv', '\n'.join(rows))
    return root


def subjects(settings):
    """Who is in the clips of a dataset."""
    built = DATASETS.build({**settings, 'pipeline': []})
    return {built.get_data_info(index)['subject'] for index in range(len(built))}


def test_the_template_trains_and_tests_each_fold(root, work_dir, programs_here, capsys):
    small_config('custom', root).dump('custom.py')
    run_tool('cross_validate', 'custom.py', '--folds', '1', '3', '--work-dir', 'folds')
    tested = []
    for fold in (1, 3):
        content = json.loads(Path(f'folds/fold_{fold}/test_results.json').read_text())
        assert content['classes'] == [*CLASSES]
        assert content['source']['protocol'] == '5 folds by subject'
        tested.append({Path(clip['clip']).parent.name for clip in content['clips']})
        assert len(content['clips']) == 5 * len(tested[-1])
    assert not tested[0] & tested[1]
    with pytest.raises(SystemExit) as ended:
        run_tool('check_dataset', 'custom.py', '--folds', 'all', '--workers', '0')
    # The drawn clips have 20 pixels.
    assert ended.value.code == 3
    assert 'smaller than 64 pixels' in capsys.readouterr().out


def test_nobody_is_on_two_sides_and_each_is_tested_once(root, work_dir):
    cfg = small_config('custom', root, work_dir / 'run')
    clips = [cfg[f'{name}_dataloader'].dataset for name in ('train', 'val', 'test')]
    tested = Counter()
    for fold in range(1, 6):
        people = [subjects({**each, 'fold': fold}) for each in clips]
        assert sum(map(len, people)) == len(set.union(*people)) == 12
        tested.update(people[2])
    assert set(tested.values()) == {1}
    assert find_folds(cfg) == [1, 2, 3, 4, 5]
    clips[2].split_seed = 1
    with pytest.raises(ValueError, match='subjects are in train_dataloader and test_dataloader, f'):
        start(cfg).train()
    clips[2].update(folds=0, columns=dict(subject='subject', fold='subject'))
    assert find_folds(cfg) == [*range(1, 13)]


@pytest.mark.parametrize('balanced', [False, True])
def test_the_loss_and_the_prior_know_the_training_clips(root, work_dir, balanced):
    cfg = small_config('custom', root, work_dir / 'run')
    cfg.model.cls_head.update(
        loss_cls=dict(type='AdjustedCrossEntropy', weight_power=1.0), prior_adjustment=0.5
    )
    clips = cfg.train_dataloader.dataset
    if balanced:
        cfg.train_dataloader.dataset = dict(
            type='ClassBalancedDataset', dataset=clips, oversample_thr=0.5
        )
    runner = start(cfg)
    runner.train()
    head = runner.model.cls_head
    people = len(subjects(clips))
    # ceil(sqrt(0.5 / 0.4)) is 2.
    expected = [3 * people, (4 if balanced else 2) * people]
    assert head.class_counts == head.loss_cls.class_counts == expected
    tested = start(cfg)
    tested.test()
    assert tested.model.cls_head.class_counts == expected
    # Outside of a run, and published without the training clips.
    loaded = load_model(cfg, 'none')
    assert loaded.cls_head.class_counts == expected
    if not balanced:
        assert bake_text_features(loaded, cfg)[1].model.cls_head.class_counts == expected


def train_unbalanced(rank: int, root: Path, folder: Path, batch_size: int) -> None:
    """One process of a run with class weights, logit adjustment and focal loss."""
    cfg = small_config('custom', root, folder)
    cfg.model.cls_head.loss_cls = dict(
        type='AdjustedCrossEntropy', weight_power=1.0, tau=0.5, gamma=2.0
    )
    cfg.train_dataloader.batch_size = batch_size
    cfg.custom_hooks = [dict(type='RecordSteps')]
    if batch_size == 2:
        os.environ['LOCAL_RANK'], cfg.launcher = str(rank), 'pytorch'
    start(cfg).train()


def test_losses_for_rare_classes_train_the_same_over_two_processes(root, tmp_path):
    one, two = tmp_path / 'one', tmp_path / 'two'
    in_processes(train_unbalanced, root, one, 4, world=1, fork=True)
    in_processes(train_unbalanced, root, two, 2, fork=True)
    losses, clips = recorded_steps(two)
    expected, expected_clips = recorded_steps(one)
    # Of 35 clips, two processes repeat one for a ninth step.
    assert len(expected) == 8
    assert clips[:8] == expected_clips
    assert losses[:8] == pytest.approx(expected, rel=1e-4)


def test_cached_features_of_an_own_list_are_trained_on_through_all_wrappers(root, work_dir):
    write_weights(work_dir / 'clip.pt', seed=0)
    cfg = frozen_config('dferclip_dfew_frozen_cached', work_dir, work_dir / 'run')
    own = small_config('custom', root)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].dataset = {**own[name].dataset, 'pipeline': cfg[name].dataset.pipeline}
    cfg.model.cls_head.update(classes=[*CLASSES], prompts='class_names')
    joined = dict(type='ConcatDataset', datasets=[cfg.train_dataloader.dataset])
    balanced = dict(type='ClassBalancedDataset', dataset=joined, oversample_thr=0.5)
    cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=balanced)
    cfg.dump('cached.py')
    run_tool('cache_frames', 'cached.py', '--workers', 0)
    # Of all splits, each once.
    assert len([*Path('features').rglob('*.safetensors')]) == 60
    start(cfg).train()


def test_a_test_needs_no_training_clips_for_the_loss(root, work_dir):
    cfg = small_config('custom', root, work_dir / 'run')
    cfg.model.cls_head.loss_cls = dict(type='AdjustedCrossEntropy', weight_power=1.0)
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    start(cfg).test()


def test_votes_captions_and_zero_shot_use_the_same_list(root, work_dir):
    cfg = small_config('custom', root, work_dir / 'votes')
    votes = {'no pain': 'calm', 'pain': 'hurt'}
    cfg.train_dataloader.dataset.columns.votes = votes
    cfg.model.cls_head.loss_cls = dict(type='AdjustedCrossEntropy', kl=True)
    runner = start(cfg)
    targets = {
        tuple(sample.gt_label.tolist())
        for batch in runner.train_dataloader
        for sample in batch['data_samples']
    }
    assert targets == {(0.25, 0.75), (1.0, 0.0)}
    runner.train()

    write_mafw(work_dir / 'MAFW', num_frames=3)
    captions = small_config('emoclip_mafw', work_dir, work_dir / 'captions')
    captions.model.cls_head.update(classes=[*CLASSES], prompts='class_names')
    own = dict(cfg.test_dataloader.dataset, columns=dict(caption='text', subject='subject'))
    for name in ('train', 'val', 'test'):
        loader, testing = captions[f'{name}_dataloader'], name != 'train'
        split = dict(split='test' if testing else 'train', test_mode=testing)
        loader.dataset = dict(own, pipeline=loader.dataset.pipeline, **split)
    runner = start(captions)
    first = next(iter(runner.train_dataloader))['data_samples'][0]
    assert first.text.startswith('A face of ')
    runner.train()


def test_parts_of_videos_are_packed_each_by_itself(work_dir):
    write_video(work_dir / 'clips/talk.avi', 20)
    write_text(work_dir / 'list.csv', 'path,label,from,to\ntalk,a,0,0.2\ntalk,b,0.2,0.8\n')
    clips = dict(type='ClipListDataset', data_root=str(work_dir), ann_file='list.csv')
    clips.update(columns=dict(start='from', end='to'), data_prefix=dict(clips='clips'))
    clips['pipeline'] = read_steps(4)
    Config(dict(train_dataloader=dict(dataset=clips))).dump('config.py')
    run_tool('pack_dataset', 'config.py', 'packed', '--workers', '0')
    whole = DATASETS.build(clips)
    packed = DATASETS.build({**clips, 'data_prefix': dict(clips='packed')})
    assert packed.get_data_info(1)['filename'].endswith('talk#t=0.200,0.800.safetensors')
    for index in (0, 1):
        assert np.array_equal(packed[index]['imgs'], whole[index]['imgs'])


def test_corpora_of_other_classes_train_together_by_emotion(tmp_path):
    """The example of docs/own_data.md: an own list, and MAFW's 11 classes, as DFEW's seven."""
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    write_mafw(tmp_path / 'MAFW', num_frames=3)
    write_clip(tmp_path / 'custom/a', 3, 'jpg')
    write_clip(tmp_path / 'custom/b', 3, 'jpg')
    write_text(tmp_path / 'custom/clips.csv', 'path,label\na,Fearful\nb,joy\n')
    (block,) = re.findall('```python\n(.*?)```', (ROOT / 'docs/own_data.md').read_text(), re.S)
    path = tmp_path / 'several.py'
    path.write_text(block.replace("'dferclip_dfew.py'", f"'{CONFIGS}/dferclip_dfew.py'"))
    given = load_config(path).train_dataloader.dataset
    cfg = small_config('dferclip_dfew', tmp_path, tmp_path / 'run')
    pipeline = cfg.train_dataloader.dataset.pipeline
    for each in given.datasets:
        each.update(data_root=str(tmp_path / Path(each.data_root).name), pipeline=pipeline)
    cfg.train_dataloader.dataset = given
    runner = start(cfg)
    dataset = runner.train_dataloader.dataset
    labels = Counter(dataset.get_cat_ids(index)[0] for index in range(len(dataset)))
    assert labels == Counter({0: 3, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 3})
    runner.train()
