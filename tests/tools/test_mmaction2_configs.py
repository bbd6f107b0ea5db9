"""MMAction2's own configs, with our head in place: they start as under MMAction2's programs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from clip_files import write_frames, write_video
from lengths import only_long
from mixing import SHIPPED, make_small
from mixing_rows import IMAGE_ROWS, VIDEO_ROWS
from mmengine.config import Config
from small_runs import ARCH, TOOLS, run_tool, shrink_loader

# Of each family its first config, and how the family is made small.
FIRST = {folder.name: min(folder.glob('*.py')) for folder in sorted(SHIPPED.iterdir())}
ROWS = {row.config.split('/')[0]: row for row in reversed([*IMAGE_ROWS, *VIDEO_ROWS])}
TESTS_ONLY = {'uniformer', 'videomae', 'videomaev2', 'x3d'}
CHEAP = {'tsm', 'videomae'}
NOT_REQUIRED = ('PytorchVideoWrapper',)
LOGGING = ('--cfg-options', 'default_hooks.logger.interval=1')


def small(family: str, folder: Path) -> Path:
    """The family's first config with a text head, over two drawn clips and at a small size."""
    cfg, row = Config.fromfile(FIRST[family]), ROWS.get(family, ROWS['tsm'])
    make_small(cfg.model, row)
    cfg.model.cls_head = dict(
        type='TextPromptHead',
        classes='dfew',
        text_encoder=dict(type='CLIPTextEncoder', arch=ARCH),
        in_channels=row.smaller.get('out_dim', 0) * 2 or cfg.model.cls_head.in_channels,
    )
    if cfg.get('optim_wrapper', {}).get('constructor') == 'TSMOptimWrapperConstructor':
        cfg.optim_wrapper.constructor = 'DefaultOptimWrapperConstructor'
    for split in ('train', 'val', 'test'):
        if cfg.get(f'{split}_dataloader'):
            loader = cfg[f'{split}_dataloader']
            steps = loader.dataset.pipeline
            loader.dataset.pipeline = [step for step in steps if step.type not in NOT_REQUIRED]
            shrink_loader(loader, row.size, frames=10**6)
            # Some configs evaluate only one clip at a time.
            loader.batch_size = 2 if split == 'train' else 1
            loader.dataset.update(draw(loader.dataset.type, folder))
    if cfg.get('train_cfg'):
        # OmniSource also reads the images of mmcls, which is not required.
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1, val_interval=1)
        cfg.default_hooks.checkpoint.update(save_best=None, save_last=False, interval=2)
    cfg.custom_imports = dict(imports=['dferclip_mm'])
    cfg.dump(folder / 'own.py')
    return folder / 'own.py'


def draw(kind: str, folder: Path) -> dict:
    """Two clips, as videos or as frames, in a list of MMAction2's."""
    path = folder / 'list.txt'
    if kind == 'RawframeDataset':
        names = [f'img_{number:05}.jpg' for number in range(1, 11)]
        for clip in 'ab':
            write_frames(folder / clip, 10, (48, 64), names)
        path.write_text('a 10 0\nb 10 5')
        form = dict(filename_tmpl='img_{:05}.jpg', data_prefix=dict(img=str(folder)))
    else:
        for clip in 'ab':
            write_video(folder / f'{clip}.mp4', 10)
        path.write_text('a.mp4 0\nb.mp4 5')
        form = dict(delimiter=' ', data_prefix=dict(video=str(folder)))
    return dict(ann_file=str(path), **form)


def losses(log: str) -> list[str]:
    return re.findall(r'Epoch\(train\) .* loss: (\S+)', log)


def log_of(folder: Path) -> str:
    return next(folder.glob('*/*.log')).read_text()


@pytest.mark.parametrize(
    'family',
    [pytest.param(name, marks=[] if name in CHEAP else only_long) for name in FIRST],
)
def test_the_first_config_of_a_family_starts(family: str, work_dir: Path) -> None:
    if family == 'tin' and importlib.util.find_spec('mmcv._ext') is None:
        pytest.skip('TIN needs the compiled operators of the full mmcv')
    config = small(family, work_dir)
    if family in TESTS_ONLY:
        with pytest.raises(SystemExit, match='the config is for testing only'):
            run_tool('train', config)
        run_tool('test', config, '--work-dir', 'run')
        assert 'Epoch(test) [2/2]' in log_of(Path('run'))
        return
    run_tool('train', config, '--work-dir', 'run', *LOGGING)
    (loss,) = losses(log_of(Path('run')))
    assert 0 < float(loss) < 100
    # Without a seed one is drawn.
    drawn = Config.fromfile('run/own.py').randomness
    assert drawn == dict(seed=None, diff_rank_seed=False, deterministic=False)
    assert re.search(r'seed: \d+', log_of(Path('run')))


def test_the_first_step_equals_that_of_mmaction2s_program(work_dir: Path) -> None:
    config, found = small('timesformer', work_dir), []
    for program in (TOOLS / 'train', SHIPPED.parents[1] / 'tools/train'):
        folder = Path(f'run{len(found)}')
        run_tool(str(program), config, '--work-dir', folder, '--seed', '0', *LOGGING)
        found.append(losses(log_of(folder)))
    assert len(found[0]) == 1
    assert found[0] == found[1]
