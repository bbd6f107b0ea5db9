"""A misspelt key of a config is refused before the first step, and no other config is."""

from __future__ import annotations

import copy
import inspect
import random
import re
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import mmaction
import pytest
from lengths import LONG
from mmengine.config import Config
from mmengine.runner import Runner

from dferclip_mm.engine.config_keys import (
    find_lost_best,
    find_lost_custom_keys,
    find_misspellings,
    require_known_keys,
)

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
# Beside the arguments of the runner, what MMEngine reads at the top of a config.
READ = {'custom_imports', 'default_scope', 'runner_type', 'strategy'}
READ |= set(inspect.signature(Runner.__init__).parameters)


def edit(word: str, draw: random.Random) -> str:
    """One letter deleted, inserted, substituted, or swapped with its neighbour."""
    place = draw.randrange(len(word))
    letter = draw.choice(string.ascii_lowercase)
    edits = [
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    ]
    return draw.choice(edits)


def keys_of(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """Where the keys of a config are, and the ``type`` and ``save_best`` values.

    Without the variables of the config files themselves: the host reads none of them.
    """
    if isinstance(node, (list, tuple)):
        for index, each in enumerate(node):
            yield from keys_of(each, (*path, index))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if path or key in READ:
                yield (*path, key), 'key'
                if key in ('type', 'save_best'):
                    yield (*path, key), 'value'
                yield from keys_of(value, (*path, key))


def within(cfg: Any, path: tuple) -> Any:
    for step in path:
        cfg = cfg[step]
    return cfg


def misspell(cfg: dict, path: tuple, what: str, draw: random.Random) -> str | None:
    """Change a config in one letter; None where another letter says the same, or is there."""
    node, key = within(cfg, path[:-1]), path[-1]
    word = node[key] if what == 'value' else key
    wrong = edit(word, draw)
    if wrong in (word, '') or wrong in node:
        return None
    if what == 'value':
        node[key] = wrong
    else:
        # Half the time as a second key: what a config does that inherits the right one.
        node[wrong] = node[key] if draw.random() < 0.5 else node.pop(key)
    return wrong


def found_in(cfg: dict, names: list[str]) -> list[tuple[str, str]]:
    found = [*find_misspellings(cfg), *find_lost_custom_keys(cfg, names)]
    return [(one.found, one.meant) for one in found]


def mutations(path: Path, count: int) -> Iterator[tuple[str, str, str, list]]:
    """Misspellings of a config: where, right, wrong, and what the check says."""
    right = Config.fromfile(path).to_dict()
    draw = random.Random(path.name)
    places = list(keys_of(right))
    custom = (right.get('optim_wrapper') or {}).get('paramwise_cfg', {}).get('custom_keys', {})
    names = [f'{key}.weight' for key in custom]
    while count > 0:
        place, what = draw.choice(places)
        cfg = copy.deepcopy(right)
        word = within(right, place) if what == 'value' else place[-1]
        wrong = misspell(cfg, place, what, draw)
        # MMEngine looks for a custom key anywhere in a name: a part of it means the same.
        if wrong is None or (place[-2:-1] == ('custom_keys',) and wrong in word):
            continue
        # Without validation nothing is the best.
        if (place[-1], what) == ('save_best', 'value') and not right.get('val_evaluator'):
            continue
        count -= 1
        yield '.'.join(map(str, place)), word, wrong, found_in(cfg, names)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_shipped_config_passes(path: Path) -> None:
    require_known_keys(Config.fromfile(path))


@pytest.mark.promise(
    'Settings and numbers', 'A misspelt config key is refused with the right suggestion'
)
def test_misspellings_of_shipped_configs_are_refused() -> None:
    # In the short form 60 in all.
    chosen = {path: 60 if LONG else 2 + (i < 60 % len(CONFIGS)) for i, path in enumerate(CONFIGS)}
    missed, total = [], 0
    for path, count in chosen.items():
        here = []
        for place, right, wrong, found in mutations(path, count):
            if (wrong, right) not in found:
                here.append((path.stem, place, wrong, found))
        assert len(here) <= max(1, count * 2 // 60), here
        missed += here
        total += count
    print(f'{total - len(missed)} of {total} misspellings refused with the right suggestion')
    assert len(missed) <= total * 2 / 60, missed


@pytest.mark.promise('Settings and numbers', "MMAction2's own configs are accepted")
def test_host_configs_pass() -> None:
    """Hundreds of configs by other hands; what they hold beside the host's keys is their own."""
    folder = Path(mmaction.__file__).parent / '.mim' / 'configs'
    paths = [path for path in sorted(folder.rglob('*.py')) if '_base_' not in path.parts]
    assert len(paths) > 200
    for path in paths if LONG else paths[::8]:
        assert find_misspellings(Config.fromfile(path)) == [], path


@pytest.mark.parametrize(
    ('where', 'key', 'meant'),
    [
        ('', 'optim_wraper', 'optim_wrapper'),
        ('', 'randomnes', 'randomness'),
        ('', 'load_form', 'load_from'),
        ('', 'param_schedular', 'param_scheduler'),
        ('', 'custom_hoks', 'custom_hooks'),
        ('', 'env_cgf', 'env_cfg'),
        ('default_hooks.', 'checkpont', 'checkpoint'),
        ('env_cfg.mp_cfg.', 'mp_start_metod', 'mp_start_method'),
        ('env_cfg.dist_cfg.', 'backnd', 'backend'),
        ('optim_wrapper.', 'clip_grads', 'clip_grad'),
        ('optim_wrapper.optimizer.', 'momentun', 'momentum'),
        ('optim_wrapper.paramwise_cfg.', 'custom_key', 'custom_keys'),
        ('train_dataloader.', 'batchsize', 'batch_size'),
        ('model.data_preprocessor.', 'format_shap', 'format_shape'),
        ('model.cls_head.', 'prompt', 'prompts'),
        ('model.cls_head.text_encoder.', 'arhc', 'arch'),
        ('auto_scale_lr.', 'base_batchsize', 'base_batch_size'),
        ('log_processor.', 'window_sise', 'window_size'),
        ('train_cfg.', 'max_epoch', 'max_epochs'),
    ],
)
def test_place_and_suggestion(where: str, key: str, meant: str) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
    cfg.merge_from_dict({where + key: {} if key == 'checkpont' else 1})
    said = f"{where}{key}: '{key}' is unknown, did you mean '{meant}'"
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        require_known_keys(cfg)
    assert str(caught.value).count('did you mean') == 1


@pytest.mark.parametrize(
    'name',
    [
        'dfer/UAR',
        'dfer/UAR_low',
        'dfer/WAR_high',
        'dfer/recall/fear',
        'auto',
        ['dfer/WAR', 'dfer/UAR'],
    ],
)
def test_names_that_a_metric_reports_may_be_best(name: str | list[str]) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
    cfg.default_hooks.checkpoint.save_best = name
    cfg.val_evaluator.bootstrap = 100
    require_known_keys(cfg)


@pytest.mark.parametrize(
    'name',
    ['acc/uar', 'dfer/uar', 'UAR', ['dfer/WAR', 'dfer/F1'], 'dfer/UAR_low', 'dfer/UAR_anything'],
)
def test_other_names_may_not(name: str | list[str]) -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
    cfg.default_hooks.checkpoint.save_best = name
    with pytest.raises(ValueError, match="did you mean 'dfer/"):
        require_known_keys(cfg)


def test_patterns_alone_may_be_meant() -> None:
    class Patterns:
        prefix, dataset_meta = 'mine', None

        @staticmethod
        def reports(settings: Any, meta: Any) -> list[str]:
            return ['part/*']

    assert find_lost_best(['mine/part/a'], [Patterns()]) == []
    found = find_lost_best(['mine/prt/a'], [Patterns()])
    assert [(one.found, one.meant) for one in found] == [('mine/prt/a', 'mine/part/*')]


@pytest.mark.parametrize(
    ('name', 'meant'), [('dfer/recall/hihg', 'dfer/recall/high'), ('dfer/WAR_low', 'dfer/WAR')]
)
def test_a_class_that_the_data_have_not_is_not_the_best(
    name: str, meant: str, work_dir: Path, toy_config: str, run_tool: Callable[..., None]
) -> None:
    option = f'default_hooks.checkpoint.save_best={name}'
    with pytest.raises(SystemExit, match=f"'{name}' is unknown, did you mean '{meant}'"):
        run_tool('train', toy_config, '--work-dir', 'run', '--cfg-options', option)
    assert list(Path('run').glob('*.pth')) == []


def test_own_variables_and_other_metrics_pass() -> None:
    cfg = Config.fromfile(ROOT / 'configs' / 'dferclip_dfew.py')
    cfg.merge_from_dict({'clip_width': 3, 'optimizer': {'lr': 1}, 'default_hooks.mine': None})
    cfg.val_evaluator = [dict(type='RecallMetric', prefix='x'), dict(type='AccMetric')]
    cfg.default_hooks.checkpoint.save_best = 'acc/top1'
    require_known_keys(cfg)


def test_a_misspelt_option_of_the_program(
    work_dir: Path, toy_config: str, run_tool: Callable[..., None]
) -> None:
    options = ('optim_wrapper.optimizer.momentun=0.9', 'randomnes.seed=3')
    with pytest.raises(SystemExit, match=r"mean 'randomness'.* 'momentum'") as caught:
        run_tool('train', toy_config, '--work-dir', 'run', '--cfg-options', *options)
    assert '\n' not in str(caught.value)
    assert not Path('run').exists()


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('optim_wraper.optimizer.lr', "'optim_wraper' is unknown, did you mean 'optim_wrapper'"),
        (
            'optim_wrapper.paramwise_cfg.custom_keys.linera.lr_mult',
            "custom_keys: 'linera' is unknown, did you mean 'linear'",
        ),
    ],
)
def test_the_hook_looks_in_stock_runs(work_dir: Path, toy_config: str, key: str, said: str) -> None:
    cfg = Config.fromfile(toy_config)
    cfg.merge_from_dict({'work_dir': 'run', key: 0.1, 'custom_hooks': [{'type': 'ConfigKeysHook'}]})
    with pytest.raises(ValueError, match=said):
        Runner.from_cfg(cfg).train()
    assert not list(Path('run').glob('*.pth'))


def test_custom_keys_of_the_model_and_of_none_pass() -> None:
    custom = {'backbone': {}, 'ackbo': {}, 'absolute_pos_embed': {}}
    cfg = dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys=custom)))
    assert find_lost_custom_keys(cfg, ['', 'backbone', 'backbone.weight']) == []
    assert find_lost_custom_keys({}, ['backbone']) == []
