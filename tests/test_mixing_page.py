"""The complete configs and the samples in docs/mixing.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from small_runs import ARCH, ROOT, shrink_loader, small_config, start, write_model

from dferclip_mm.engine.options import load_config, merge_data_options

PAGE = (ROOT / 'docs' / 'mixing.md').read_text(encoding='utf-8')
BLOCKS = re.findall(r'^```python\n(.*?)^```', PAGE, re.M | re.S)
FILES = [block for block in BLOCKS if "'mmaction::" in block]
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
    if cfg.model.backbone.type == 'SwinTransformer3D':
        cfg.model.backbone.arch = dict(embed_dims=96, depths=[1] * 4, num_heads=[3, 6, 12, 24])
    arch = ConfigDict(ARCH, embed_dim=512)
    cfg.model.cls_head.text_encoder.update(arch=arch, pretrained=None)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        shrink_loader(loader, side=64)
    cfg.train_cfg.max_epochs = 1
    cfg.default_hooks.checkpoint.update(interval=2, save_last=False)
    runner = start(cfg)
    runner.train()
    assert torch.tensor(runner.message_hub.get_scalar('train/loss').data[0]).isfinite().all()
    assert len(list((tmp_path / 'run').glob('best_dfer_WAR_epoch_1.pth'))) == 1


def test_rates_of_blocks_are_those_of_the_page(tmp_path: Path) -> None:
    (block,) = (block for block in BLOCKS if 'resblocks' in block)
    shipped = ROOT / 'configs' / 'dferclip_dfew.py'
    (tmp_path / 'own.py').write_text(block.replace("'dferclip_dfew.py'", f"'{shipped}'"))
    wrapper = load_config(tmp_path / 'own.py').optim_wrapper
    blocks = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(12))
    model = torch.nn.Module()
    for name in ('resblocks', 'transformer', 'visual', 'backbone'):
        inner = blocks if name == 'resblocks' else model
        model = torch.nn.Module()
        model.add_module(name, inner)
    groups = build_optim_wrapper(model, wrapper).optimizer.param_groups
    rates = {id(group['params'][0]): group['lr'] for group in groups}
    # The last block has the backbone's rate, each one before it three quarters of the next one's.
    found = [rates[id(block.weight)] for block in blocks]
    assert found == pytest.approx([1e-5 * 0.75 ** (11 - number) for number in range(12)])


@pytest.mark.parametrize('part', ['ActionVisualizer', 'FlopCounterMode'])
def test_a_sample_with_mmaction2_runs(
    part: str, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (block for block in BLOCKS if part in block)
    clip = write_dfew(work_dir / 'DFEW', num_frames=5) / 'Clip/clip_224x224/00001'
    cfg = small_config('dferclip_dfew', work_dir)
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline
    cfg.dump('small.py')
    write_model(cfg.model, 'checkpoint.pth')
    for said, small in {
        'configs/dferclip_dfew.py': 'small.py',
        "'clip.mp4'": f"'{clip}'",
        '1, 16, 3, 224, 224': '1, 4, 3, 32, 32',
    }.items():
        block = block.replace(said, small)
    exec(block, {})
    if part == 'ActionVisualizer':
        assert len(list(Path('drawn').rglob('*.png'))) == 5
    else:
        # The patches of 4 frames alone: 4 * 4 patches of 3 * 16 * 16 numbers, 64 wide.
        assert int(capsys.readouterr().out.split()[-1]) > 2 * 16 * 768 * 64
