"""The demonstration of EmoCLIP, from drawn clips and captions to a zero-shot figure, in small."""

import torch
from drawn_faces import write_corpus
from small_runs import CONFIGS, start

from dferclip_mm.engine.options import load_config


def test_it_trains_on_captions_and_scores_classes(tmp_path):
    settings = dict(clips_per_class=3, identities=6, size=48, workers=1, progress=False)
    drawn = write_corpus(tmp_path / 'demo', **settings)
    cfg = load_config(CONFIGS / 'demo_emoclip.py', {}, work_dir=str(tmp_path))
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].batch_size = 4
        cfg[f'{part}_dataloader'].dataset.data_root = str(drawn)
    cfg.train_cfg.max_epochs = 1
    cfg.train_cfg.val_interval = 1
    cfg.param_scheduler[0].total_steps = 1
    runner = start(cfg)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    after = runner.model.state_dict()
    for stem in ('backbone.visual.', 'cls_head.text_encoder.text.', 'neck.'):
        changed = [
            name
            for name in after
            if name.startswith(stem) and not torch.equal(before[name], after[name])
        ]
        assert changed, stem
    assert list(tmp_path.glob('best_*.pth'))
