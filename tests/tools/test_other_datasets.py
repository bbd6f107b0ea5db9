"""Runs on clips without labels, and on several corpora that are balanced by class."""

import csv

import pytest
import torch
from mini_corpora import write_dfew, write_ferv39k, write_text
from small_runs import run_tool, small_config, start

VALENCE = dict.fromkeys(('sadness', 'anger', 'disgust', 'fear'), 'negative')
VALENCE |= dict.fromkeys(('happiness', 'surprise'), 'positive')


@pytest.fixture
def root(tmp_path):
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    write_ferv39k(tmp_path / 'FERV39k', num_frames=3)
    return tmp_path


def test_clips_without_labels_are_predicted_and_not_scored(root, capfd):
    write_text(root / 'clips.txt', '2\n00004.mp4\n')
    cfg = small_config('dferclip_dfew', root, root / 'run')
    cfg.test_dataloader.dataset.update(ann_file=str(root / 'clips.txt'), labelled=False)
    cfg.dump(root / 'config.py')
    torch.save(start(cfg).model.state_dict(), root / 'weights.pth')
    save_to = f'test_evaluator.save_to={root / "found.csv"}'
    run_tool('test', root / 'config.py', root / 'weights.pth', '--cfg-options', save_to)
    said = f'the 2 clips have no labels, so nothing is scored: predictions are in {root}/found.csv'
    assert said in capfd.readouterr().out
    with (root / 'found.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['clip'].rpartition('/')[2] for row in rows] == ['00002', '00004']
    for row in rows:
        scores = {name: float(value) for name, value in row.items() if name.startswith('scores/')}
        assert 'label' not in row
        assert row['predicted'] == max(scores, key=scores.get).removeprefix('scores/')


def test_two_corpora_with_merged_classes_train_balanced(root):
    cfg = small_config('dferclip_dfew', root, root / 'run')
    first = cfg.train_dataloader.dataset
    first.class_map = VALENCE
    second = {**first, 'type': 'FERV39kDataset', 'data_root': str(root / 'FERV39k')}
    del second['fold']
    both = dict(type='ConcatDataset', datasets=[first, second])
    cfg.train_dataloader.dataset = dict(
        type='ClassBalancedDataset', dataset=both, oversample_thr=0.5
    )
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.class_map = VALENCE
    cfg.model.cls_head.classes = ['positive', 'negative', 'neutral']
    cfg.model.cls_head.prompts = dict(positive=['joy'], negative=['pain'], neutral=['calm'])
    runner = start(cfg)
    # 4 of 14 clips are positive and 2 neutral: ceil(sqrt(0.5 / share)) is 2 for both.
    assert len(runner.train_dataloader.dataset) == 2 * 4 + 8 + 2 * 2
    seen = {}
    for batch in runner.train_dataloader:
        for pixels, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
            seen.setdefault(sample.filename, []).append(pixels)
    repeated = [clips for clips in seen.values() if len(clips) > 1]
    # Each repeat is augmented anew.
    assert len(repeated) == 6
    assert not any(torch.equal(*clips) for clips in repeated)
    runner.train()
    metrics = runner.val_loop.run()
    assert {name for name in metrics if 'recall' in name} == {
        f'dfer/recall/{name}' for name in ('positive', 'negative', 'neutral')
    }
