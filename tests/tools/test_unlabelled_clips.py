"""A test on clips without labels."""

import csv

import torch
from mini_corpora import write_dfew, write_text
from small_runs import run_tool, small_config, start


def test_clips_without_labels_are_predicted_and_not_scored(tmp_path, capfd):
    root = tmp_path
    write_dfew(root / 'DFEW', num_frames=3)
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
