"""The complete configs in docs/mixing.md train as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mmengine.config import ConfigDict
from small_runs import ARCH, ROOT, start

from dferclip_mm.engine.options import load_config, merge_data_options

PAGE = (ROOT / 'docs' / 'mixing.md').read_text(encoding='utf-8')
FILES = [
    text
    for text in re.findall(r'^```python\n(.*?)^```', PAGE, re.M | re.S)
    if "'mmaction::" in text
]
KINDS = ('Recognizer3D', 'Recognizer3D', 'FrameRecognizer')


@pytest.mark.parametrize('number', range(3))
def test_a_complete_config_trains_and_chooses_its_best_epoch(number: int, tmp_path: Path) -> None:
    (tmp_path / 'own.py').write_text(FILES[number])
    cfg = load_config(tmp_path / 'own.py', work_dir=str(tmp_path / 'run'))
    assert cfg.model.type == KINDS[number]
    merge_data_options(cfg, data_root=str(write_dfew(tmp_path / 'DFEW', num_frames=5)))
    # Nothing is downloaded here, and frames and towers are small.
    cfg.model.backbone.pretrained = None
    if 'pretrained2d' in cfg.model.backbone:
        cfg.model.backbone.pretrained2d = False
    arch = ConfigDict(ARCH, embed_dim=512)
    cfg.model.cls_head.text_encoder.update(arch=arch, pretrained=None)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for step in loader.dataset.pipeline:
            if step.type == 'Resize' and step.get('keep_ratio') is False:
                step.scale = (64, 64)
            if step.type == 'CenterCrop':
                step.crop_size = 64
            if step.type == 'SampleFrames' and step.clip_len > 4:
                step.clip_len = 4
    cfg.train_cfg.max_epochs = 1
    runner = start(cfg)
    runner.train()
    assert torch.tensor(runner.message_hub.get_scalar('train/loss').data[0]).isfinite().all()
    assert len(list((tmp_path / 'run').glob('best_dfer_WAR_epoch_1.pth'))) == 1
