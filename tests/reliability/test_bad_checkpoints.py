"""Bad checkpoints, in four ways to use one: refused in one sentence, or loaded with a message."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from comparing import unequal
from killing import config, train
from lengths import LONG, cases
from processes import in_fork
from small_runs import start

from dferclip_mm.checkpoints.load import read_checkpoint
from dferclip_mm.engine.run import friendly_errors


@pytest.fixture(scope='module')
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last checkpoint of a run."""
    folder = tmp_path_factory.mktemp('good')
    code = in_fork(lambda: train(config(folder / 'run')) and None, folder / 'log.txt')
    assert code == 0, (folder / 'log.txt').read_text()[-3000:]
    return folder / 'run/epoch_3.pth'


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.mark,)


Change = Callable[[dict, Path], Any]


def _weights(change: Callable[[dict], dict]) -> Change:
    """The same change to both copies of the weights; the average has other names."""

    def changed(content: dict, path: Path) -> dict:
        content['state_dict'] = change(dict(content['state_dict']))
        return content

    return changed


def _written(change: Callable[[bytes], bytes]) -> Change:
    def changed(content: dict, path: Path) -> None:
        torch.save(content, path)
        path.write_bytes(change(path.read_bytes()))

    return changed


def _flip(content: dict, path: Path) -> None:
    torch.save(content, path)
    data = bytearray(path.read_bytes())
    data[data.index(content['state_dict']['linear.weight'].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(data)


def _renamed(prefix: str) -> Callable[[dict], dict]:
    return lambda weights: {prefix + name: value for name, value in weights.items()}


# What is done to the file, and what is said of it; None where it is taken.
BAD: dict[str, tuple[Change, str | None]] = {
    'no matching key': (_weights(_renamed('other_')), 'does not fit the model.*only in the check'),
    'prefix module.': (_weights(_renamed('module.')), None),
    'a missing tensor': (
        _weights(lambda weights: {k: v for k, v in weights.items() if 'bias' not in k}),
        'only in the model: linear.bias',
    ),
    'another number of classes': (
        _weights(lambda weights: {k: torch.cat([v, v[:1]]) for k, v in weights.items()}),
        r'of another shape.*linear.weight \(4, 2\) against \(3, 2\)',
    ),
    'a list': (lambda content, path: [content], 'holds a list: expected a dict'),
    'zero bytes': (_written(lambda data: b''), r'\(0 bytes\) is no PyTorch checkpoint'),
    'cut': (_written(lambda data: data[: len(data) // 2]), 'its end is missing'),
    'a flipped bit': (_flip, 'was changed after it was written'),
    'a pickle that runs code': (
        lambda content, path: {**content, 'bomb': Bomb(str(path.with_name('boom')))},
        'loading the rest could run code',
    ),
    'more keys': (
        _weights(lambda weights: {**weights, 'extra.weight': torch.ones(2)}),
        'only in the checkpoint: extra.weight',
    ),
    'float16': (_weights(lambda weights: {k: v.half() for k, v in weights.items()}), None),
    'only an average': (
        lambda content, path: {'ema_state_dict': content['ema_state_dict'], 'meta': {}},
        'only averaged weights',
    ),
}
# LoadPretrainedHook takes tensors by prefix, and ignores others.
OF_PREFIXES = {
    'no matching key': 'has no tensor of linear: it has those of other_linear',
    'more keys': None,
}
TAKEN = {
    'prefix module.': '2 tensors of linear loaded',
    'float16': 'with fewer bits',
    'more keys': 'ignored in the checkpoint: extra.weight',
}


def _spoil(good: Path, kind: str, path: Path) -> None:
    content = torch.load(good, weights_only=True)
    changed = BAD[kind][0](content, path)
    if isinstance(changed, dict) and 'state_dict' in changed:
        # The runs that are tried have no average.
        del changed['ema_state_dict']
    if changed is not None:
        torch.save(changed, path)


def _use(way: str, path: Path | str, folder: Path) -> None:
    try:
        _start(way, path, folder)
    except SystemExit as end:
        print(f'ended with: {end}')
        raise


def _start(way: str, path: Path | str, folder: Path) -> None:
    with friendly_errors():
        cfg = config(folder / 'run')
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        if way == 'prefixes':
            hook = dict(type='LoadPretrainedHook', checkpoint=str(path), prefixes='linear')
            cfg.custom_hooks.append(hook)
            train(cfg)
            return
        cfg.load_from = str(path)
        if way == 'resume':
            cfg.train_cfg.max_epochs = 4
            train(cfg, resume=True)
        elif way == 'load_from':
            train(cfg)
        else:
            start(cfg).test()


WAYS = ('load_from', 'resume', 'test', 'prefixes')
TRIED = [
    ('no matching key', 'load_from'),
    ('cut', 'resume'),
    ('a flipped bit', 'test'),
    ('a pickle that runs code', 'prefixes'),
    ('float16', 'load_from'),
]
if LONG:
    TRIED = [(kind, way) for kind in BAD for way in WAYS]


@pytest.mark.promise('Checkpoints', 'A wrong checkpoint is refused in one sentence')
@pytest.mark.parametrize(('kind', 'way'), TRIED)
def test_a_bad_checkpoint_is_refused_or_explained(
    kind: str, way: str, good: Path, tmp_path: Path
) -> None:
    path, log = tmp_path / 'bad.pth', tmp_path / 'log.txt'
    _spoil(good, kind, path)
    # It would switch PyTorch's own protection off.
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'

    try:
        code = in_fork(lambda: _use(way, path, tmp_path), log)
    finally:
        del os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD']
    said = log.read_text().splitlines()
    assert not (tmp_path / 'boom').exists()
    expected = BAD[kind][1] if way != 'prefixes' else OF_PREFIXES.get(kind, BAD[kind][1])
    if expected is None:
        assert code == 0, said[-20:]
        silent = kind == 'prefix module.' and way != 'prefixes'
        assert silent or any(TAKEN[kind] in line for line in said)
        return
    assert code == 1, said[-20:]
    last = [line for line in said if line.startswith('ended with: error: ')]
    assert len(last) == 1, said[-20:]
    assert str(path) in last[0]
    assert re.search(expected, last[0]), last[0]
    assert not any('Traceback' in line for line in said)


@pytest.mark.promise('Untrusted files', 'A checkpoint at a URL runs no code')
@pytest.mark.parametrize('way', ['load_from', 'prefixes'])
def test_a_checkpoint_at_a_url_runs_no_code(way: str, good: Path, tmp_path: Path) -> None:
    """MMEngine reads URLs through PyTorch's hub, which unpickles; here from its cache."""
    cache = tmp_path / 'hub/checkpoints'
    cache.mkdir(parents=True)
    mark = tmp_path / 'boom'
    torch.save({**torch.load(good), 'bomb': Bomb(str(mark))}, cache / 'bomb.pth')
    torch.save(torch.load(good), cache / 'good.pth')

    def child(name: str) -> None:
        os.environ['TORCH_HOME'] = str(tmp_path)
        os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
        _use(way, f'https://example.invalid/{name}.pth', tmp_path)

    assert in_fork(lambda: child('bomb'), tmp_path / 'log.txt') == 1
    assert not mark.exists()
    assert 'UnpicklingError' in (tmp_path / 'log.txt').read_text() or way == 'prefixes'
    assert in_fork(lambda: child('good'), tmp_path / 'log.txt') == 0


@pytest.mark.parametrize(('way', 'code'), [('resume', 1), ('load_from', 0)])
def test_a_run_without_ema_does_not_resume_from_an_average(
    way: str, code: int, good: Path, tmp_path: Path
) -> None:
    """EMAHook saves it in the place of the weights."""
    assert in_fork(lambda: _use(way, good, tmp_path), tmp_path / 'log.txt') == code
    said = (tmp_path / 'log.txt').read_text()
    expected = f'ended with: error: {good} holds averaged weights (ema_state_dict)'
    assert (expected in said) == (way == 'resume')


def test_a_checkpoint_with_only_weights_is_not_resumed(good: Path, tmp_path: Path) -> None:
    best = next(good.parent.glob('best_*.pth'))
    assert in_fork(lambda: _use('resume', best, tmp_path), tmp_path / 'log.txt') == 1
    said = (tmp_path / 'log.txt').read_text()
    assert f'{best} holds no run to resume: it has no' in said
    assert 'optimizer' in said
    assert in_fork(lambda: _use('load_from', best, tmp_path), tmp_path / 'log.txt') == 0


@pytest.mark.promise('Checkpoints', 'A flipped bit is refused, or changes nothing that is read')
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(good: Path, tmp_path: Path) -> None:
    path, data = tmp_path / 'flipped.pth', good.read_bytes()
    expected = torch.load(good, weights_only=True)
    draw = random.Random(0)
    refused = 0
    tried = cases(30, 2000)
    for _ in range(tried):
        place, bit = draw.randrange(len(data)), 1 << draw.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        try:
            found = read_checkpoint(path)
        except ValueError:
            refused += 1
            continue
        # PyTorch aligns its records with bytes that nothing reads.
        assert unequal(found, expected) == []
    assert refused > tried / 2


@pytest.mark.promise('Untrusted files', 'A config stored in a checkpoint is not executed')
def test_a_stored_config_is_not_executed(good: Path, tmp_path: Path) -> None:
    content = torch.load(good, weights_only=True)
    del content['ema_state_dict']
    mark, path, log = tmp_path / 'mark', tmp_path / 'code.pth', tmp_path / 'log.txt'
    code = f'import os\nos.mkdir({str(mark)!r})\n'
    content['meta'].update(cfg=code, config=code)
    content['message_hub']['runtime_info']['cfg'] = code
    torch.save(content, path)
    assert in_fork(lambda: _use('resume', path, tmp_path), log) == 0, log.read_text()[-2000:]
    assert 'is not executed' in log.read_text()
    from mmengine.infer import BaseInferencer

    class Inferencer(BaseInferencer):
        def visualize(self, *args: Any, **settings: Any) -> None: ...

        def postprocess(self, *args: Any, **settings: Any) -> None: ...

        def _init_pipeline(self, cfg: Any) -> None: ...

    with pytest.raises(ValueError, match='given without a config'):
        Inferencer(weights=str(path))
    assert not mark.exists()


def test_a_path_in_a_checkpoint_is_not_removed(good: Path, tmp_path: Path) -> None:
    content = torch.load(good, weights_only=True)
    del content['ema_state_dict']
    thesis, path, log = tmp_path / 'thesis.pth', tmp_path / 'paths.pth', tmp_path / 'log.txt'
    thesis.write_text('ten years')
    info = content['message_hub']['runtime_info']
    info.update(best_ckpt=str(thesis), best_score=-1.0, outdated_ckpts=['../thesis.pth'])
    info['keep_ckpt_ids'] = ['/../../thesis', '1/../../thesis', 3]
    content['message_hub']['resumed_keys'].update(outdated_ckpts=True, keep_ckpt_ids=True)
    torch.save(content, path)

    def child() -> None:
        cfg = config(tmp_path / 'run', keep=1)
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        cfg.load_from, cfg.train_cfg.max_epochs = str(path), 4
        train(cfg, resume=True)

    assert in_fork(child, log) == 0, log.read_text()[-2000:]
    assert thesis.read_text() == 'ten years'


@pytest.mark.promise(
    'Checkpoints', 'Our checkpoints load with `weights_only=True` without this package'
)
def test_a_checkpoint_holds_only_tensors_and_plain_values(good: Path) -> None:
    files = [good, *good.parent.glob('best_*.pth')]
    assert len(files) == 2
    for file in files:
        assert torch.serialization.get_unsafe_globals_in_checkpoint(file) == []
    found = torch.load(good, weights_only=True)
    assert 'cfg' not in found['meta']
    assert 'ToyClassifier' in found['meta']['config_text']
    assert len(found['param_schedulers']) == 2
    assert 'ema_state_dict' in found
    assert found['message_hub']['runtime_info']['best_score'] > 30


def test_a_checkpoint_of_mmengine_resumes(tmp_path: Path) -> None:
    def stock() -> None:
        cfg = config(tmp_path / 'run')
        cfg.default_hooks.checkpoint.type = 'CheckpointHook'
        cfg.custom_hooks = [dict(type='EMAHook', momentum=0.5)]
        from mmengine.runner import Runner

        Runner.from_cfg(cfg).train()

    log = tmp_path / 'log.txt'
    assert in_fork(stock, log) == 0, log.read_text()[-2000:]

    def again() -> None:
        cfg = config(tmp_path / 'run')
        cfg.train_cfg.max_epochs = 4
        train(cfg, resume=True)

    assert in_fork(again, log) == 0, log.read_text()[-2000:]
    assert 'resumed epoch: 3' in log.read_text()
