"""Bad checkpoints, in four ways to use one: refused in one sentence, or loaded with a message."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from attacks import Payload
from comparing import unequal
from killing import config, train
from lengths import LONG, cases
from mmengine.infer import BaseInferencer
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


ABSTRACT = dict.fromkeys(('visualize', 'postprocess', '_init_pipeline'))
Change = Callable[[dict, Path], Any]


def _weights(change: Callable[[str, torch.Tensor], dict]) -> Change:
    """Each weight becomes what `change` makes of its name and value."""

    def changed(content: dict, path: Path) -> dict:
        changed = [change(name, value) for name, value in content['state_dict'].items()]
        return {**content, 'state_dict': {k: v for each in changed for k, v in each.items()}}

    return changed


def _written(change: Callable[[bytes], bytes]) -> Change:
    """The file's bytes become what `change` makes of them."""

    def changed(content: dict, path: Path) -> None:
        torch.save(content, path)
        path.write_bytes(change(path.read_bytes()))

    return changed


# What is done to the file, and what is said of it.
REFUSED: dict[str, tuple[Change, str]] = {
    'no matching key': (
        _weights(lambda name, value: {f'other_{name}': value}),
        'does not fit the model.*only in the check',
    ),
    'a missing tensor': (
        _weights(lambda name, value: {} if 'bias' in name else {name: value}),
        'only in the model: linear.bias',
    ),
    'another number of classes': (
        _weights(lambda name, value: {name: torch.cat([value, value[:1]])}),
        r'of another shape.*linear.weight \(4, 2\) against \(3, 2\)',
    ),
    'more keys': (
        _weights(lambda name, value: {name: value, 'extra.weight': torch.ones(2)}),
        'only in the checkpoint: extra.weight',
    ),
    'a list': (lambda content, path: [content], 'holds a list: expected a dict'),
    'zero bytes': (_written(lambda data: b''), r'\(0 bytes\) is no PyTorch checkpoint'),
    'cut': (_written(lambda data: data[: len(data) // 2]), 'its end is missing'),
    'a flipped bit': (
        _written(lambda data: data.replace(b'linear.weight', b'linear.weighu', 1)),
        'was changed after it was written',
    ),
    'a pickle that runs code': (
        lambda content, path: {**content, 'bomb': Payload(path.with_name('boom'))},
        'loading the rest could run code',
    ),
    'only an average': (
        lambda content, path: {'ema_state_dict': content['ema_state_dict'], 'meta': {}},
        'only averaged weights',
    ),
}
TAKEN: dict[str, tuple[Change, str]] = {
    'prefix module.': (_weights(lambda name, value: {f'module.{name}': value}), ''),
    'float16': (_weights(lambda name, value: {name: value.half()}), 'with fewer bits'),
}
KINDS = REFUSED | TAKEN


def _spoil(good: Path, kind: str, path: Path) -> None:
    content = torch.load(good, weights_only=True)
    changed = KINDS[kind][0](content, path)
    if isinstance(changed, dict) and 'state_dict' in changed:
        # The runs that are tried have no average.
        del changed['ema_state_dict']
    if changed is not None:
        torch.save(changed, path)


TRIED = [
    ('no matching key', 'load_from'),
    ('cut', 'resume'),
    ('a flipped bit', 'test'),
    ('a pickle that runs code', 'resume'),
    ('float16', 'load_from'),
]
if LONG:
    TRIED = [(kind, way) for kind in KINDS for way in ('load_from', 'resume', 'test')]


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Uses a checkpoint in one of the ways in a new process: its exit code and what it said."""
    # It would switch PyTorch's own protection off.
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')

    def child(way: str, path: Path | str, keep: int) -> None:
        cfg = config(tmp_path / 'run', keep=keep)
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        if way == 'prefixes':
            hook = dict(type='LoadPretrainedHook', checkpoint=str(path), prefixes='linear')
            cfg.custom_hooks.append(hook)
        else:
            cfg.load_from = str(path)
        with friendly_errors():
            if way == 'test':
                start(cfg).test()
            else:
                cfg.train_cfg.max_epochs = 4 if way == 'resume' else 1
                train(cfg, resume=way == 'resume')

    def use(way: str, path: Path | str, keep: int = -1) -> tuple[int, str]:
        log = tmp_path / 'log.txt'
        log.unlink(missing_ok=True)
        return in_fork(lambda: child(way, path, keep), log), log.read_text()

    return use


Use = Callable[..., tuple[int, str]]


@pytest.mark.promise('Checkpoints', 'A wrong checkpoint is refused in one sentence')
@pytest.mark.parametrize(('kind', 'way'), TRIED)
def test_a_bad_checkpoint_is_refused_or_explained(
    kind: str, way: str, good: Path, use: Use, tmp_path: Path
) -> None:
    path = tmp_path / 'bad.pth'
    _spoil(good, kind, path)
    code, log = use(way, path)
    assert not (tmp_path / 'boom').exists()
    expected = KINDS[kind][1]
    if kind in TAKEN:
        assert code == 0, log[-3000:]
        assert expected in log
        return
    assert code == 1, log[-3000:]
    (last,) = [line for line in log.splitlines() if line.startswith('error: ')]
    assert str(path) in last
    assert re.search(expected, last), last
    assert 'Traceback' not in log


@pytest.mark.promise('Untrusted files', 'A checkpoint at a URL runs no code')
@pytest.mark.parametrize('way', ['load_from', 'prefixes'])
def test_a_checkpoint_at_a_url_runs_no_code(
    way: str, good: Path, use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMEngine reads URLs through PyTorch's hub, which unpickles; here from its cache."""
    cache = tmp_path / 'hub/checkpoints'
    cache.mkdir(parents=True)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    mark = tmp_path / 'boom'
    torch.save({**torch.load(good), 'bomb': Payload(mark)}, cache / 'bomb.pth')
    torch.save(torch.load(good), cache / 'good.pth')
    code, log = use(way, 'https://example.invalid/bomb.pth')
    assert code == 1
    assert not mark.exists()
    assert 'UnpicklingError' in log or way == 'prefixes'
    assert use(way, 'https://example.invalid/good.pth')[0] == 0


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
def test_a_stored_config_is_not_executed(good: Path, use: Use, tmp_path: Path) -> None:
    content = torch.load(good, weights_only=True)
    del content['ema_state_dict']
    mark, path = tmp_path / 'mark', tmp_path / 'code.pth'
    code = f'import os\nos.mkdir({str(mark)!r})\n'
    content['meta'].update(cfg=code, config=code)
    content['message_hub']['runtime_info']['cfg'] = code
    torch.save(content, path)
    ended, log = use('resume', path)
    assert ended == 0, log[-3000:]
    assert 'is not executed' in log
    # MMEngine's inferencers execute the config of a checkpoint where they find one.
    with pytest.raises(ValueError, match='given without a config'):
        type('Inferencer', (BaseInferencer,), ABSTRACT)(weights=str(path))
    assert not mark.exists()


def test_a_path_in_a_checkpoint_is_not_removed(good: Path, use: Use, tmp_path: Path) -> None:
    content = torch.load(good, weights_only=True)
    del content['ema_state_dict']
    thesis, path = tmp_path / 'thesis.pth', tmp_path / 'paths.pth'
    thesis.write_text('ten years')
    info = content['message_hub']['runtime_info']
    info.update(best_ckpt=str(thesis), best_score=-1.0, outdated_ckpts=['../thesis.pth'])
    info['keep_ckpt_ids'] = ['/../../thesis', '1/../../thesis', 3]
    content['message_hub']['resumed_keys'].update(outdated_ckpts=True, keep_ckpt_ids=True)
    torch.save(content, path)
    code, log = use('resume', path, keep=1)
    assert code == 0, log[-3000:]
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
