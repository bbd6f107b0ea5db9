"""The demonstration of EmoCLIP, from drawn clips and captions to a zero-shot figure, in small."""

import re

import pytest
import torch
from drawn_faces import write_corpus
from drawn_faces.expressions import CLASSES
from mmengine.config import Config
from small_runs import CONFIGS, start

from dferclip_mm.engine.options import load_config
from dferclip_mm.prompts import load_prompts


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp('drawn')
    return write_corpus(
        root / 'demo', clips_per_class=3, identities=6, size=48, workers=1, progress=False
    )


def test_it_trains_on_captions_and_scores_classes(drawn, tmp_path):
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


def test_neither_captions_nor_prompts_name_an_emotion(drawn):
    stems = re.compile('happi|joy|sad|neutral|anger|angry|surpris|disgust|fear', re.IGNORECASE)
    lines = (drawn / 'captions/set_1/train.txt').read_text('gbk').splitlines()
    prompts = load_prompts(
        Config.fromfile(CONFIGS / 'demo_emoclip.py').model.cls_head.prompts, CLASSES
    )
    captions = [line.split('\t')[3] for line in lines]
    for text in [*captions, *(text for group in prompts for text in group)]:
        assert not stems.search(text), text
