"""Variables of a config are not settings: what would be lost is refused or warned about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mini_corpora import write_dfew
from mmengine.config import Config
from mmengine.runner import Runner
from small_runs import forget_runs, small_config

from dferclip_mm.engine.checks.lost_settings import check_options, find_lost_variables
from dferclip_mm.engine.options import load_config

CONFIGS = Path(__file__).resolve().parents[3] / 'configs'
SHIPPED = sorted(CONFIGS.glob('*.py'))
# What MMEngine's Runner, FlexibleRunner and train.py read of the shipped configs.
READ = {
    *('auto_scale_lr', 'custom_imports', 'default_hooks', 'default_scope', 'env_cfg', 'load_from'),
    *('log_level', 'log_processor', 'model', 'optim_wrapper', 'param_scheduler', 'randomness'),
    *('resume', 'runner_type', 'strategy', 'visualizer', 'compile', 'custom_hooks', 'sync_bn'),
    *(f'{split}_{part}' for split in ('train', 'val', 'test') for part in ('cfg', 'dataloader')),
    *('val_evaluator', 'test_evaluator'),
}
ROOTS = ', '.join(f'{split}_dataloader.dataset.data_root' for split in ('train', 'val', 'test'))
FRAMES = [f'{split}_dataloader.dataset.pipeline.1.num_frames' for split in ('train', 'val', 'test')]


@pytest.mark.promise(
    'Settings and numbers', 'An option that no run reads is refused, with the keys that would work'
)
@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_every_variable_of_a_shipped_config_is_refused_as_an_option(path: Path) -> None:
    cfg = Config.fromfile(path)
    variables = set(cfg) - READ
    assert variables
    for name in variables:
        with pytest.raises(ValueError, match=f'--cfg-options: {name}: no run reads {name!r}; set'):
            check_options(cfg, [name])
    check_options(cfg, [f'{name}.x' for name in READ])
    assert find_lost_variables(cfg) == []


@pytest.mark.parametrize(
    ('config', 'option', 'said'),
    [
        ('dferclip_dfew', 'num_frames', f'set {", ".join(["model.num_frames", *FRAMES])}'),
        ('dferclip_dfew', 'epochs', 'set train_cfg.max_epochs'),
        ('dferclip_dfew', 'optim_wraper.type', "did you mean 'optim_wrapper.type'?"),
        ('dferclip_dfew', 'train_pipeline', 'set train_dataloader.dataset.pipeline'),
        ('dferclip_dfew', 'pack.type', 'set a key that it reads, such as model or train_data'),
    ],
)
def test_the_keys_that_would_work_are_named(config: str, option: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f'reads {option.split(".")[0]!r}; {said}')):
        check_options(Config.fromfile(CONFIGS / f'{config}.py'), ['model.neck', option])


def inherit(folder: Path, text: str) -> Config:
    path = folder / 'own.py'
    path.write_text(f"_base_ = '{CONFIGS / 'dferclip_dfew.py'}'\n{text}")
    return load_config(path)


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        (
            "data_root = '/new'",
            f"data_root = '/new' is read by nothing: .* 'data/DFEW'; set {ROOTS}",
        ),
        (
            'num_frames = 8\nmodel = dict(num_frames=8)',
            f'num_frames = 8 is read by nothing: the run has 16; set {", ".join(FRAMES)}',
        ),
    ],
)
def test_a_lost_variable_of_an_inheriting_config_is_warned_of(
    text: str, said: str, tmp_path: Path
) -> None:
    (line,) = find_lost_variables(inherit(tmp_path, text))
    assert re.fullmatch(f'config: {said}', line)
    # One further down.
    (tmp_path / 'further.py').write_text("_base_ = ['./own.py']\n")
    assert find_lost_variables(load_config(tmp_path / 'further.py')) == [line]


def test_a_table_in_place_of_a_word_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'own\.py: .*_delete_=True'):
        inherit(tmp_path, "model = dict(cls_head=dict(prompts=dict(happiness='a smile')))")


def test_other_variables_pass(tmp_path: Path) -> None:
    used = "data_root = '/new'\ntrain_dataloader = dict(dataset=dict(data_root=data_root))"
    assert find_lost_variables(inherit(tmp_path, f"name = 'own'\n{used}")) == []


def test_a_run_of_mmaction2s_program_warns_in_its_log(tmp_path: Path) -> None:
    """It merges the options after the config has been read."""
    cfg = small_config('dferclip_dfew', write_dfew(tmp_path / 'DFEW', 3).parent, tmp_path / 'run')
    cfg.data_root = '/no/such'
    forget_runs()
    Runner.from_cfg(cfg).train()
    log = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert "WARNING - config: data_root = '/no/such' is read by nothing" in log
