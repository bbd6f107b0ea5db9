"""Bad checkpoints, in four ways to use one: refused in one sentence, or loaded with a message."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from attacks import Payload
from comparing import unequal
from killing import finish, go, refusal
from lengths import LONG, cases
from mmengine.infer import BaseInferencer

from dferclip_mm.checkpoints.load import read_checkpoint

ABSTRACT = dict.fromkeys(('visualize', 'postprocess', '_init_pipeline'))


@pytest.fixture(scope='module')
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last checkpoint of a run."""
    folder = tmp_path_factory.mktemp('good')
    finish(folder, keep=-1)
    return folder / 'run/epoch_3.pth'


@pytest.fixture
def content(good: Path) -> dict[str, Any]:
    """What it holds but for the average, which the runs here do not have."""
    found = torch.load(good, weights_only=True)
    del found['ema_state_dict']
    return found


@pytest.fixture(autouse=True)
def _unsafe_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch runs code wherever the caller does not forbid it."""
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')


def use(folder: Path, way: str, path: Path | str, **options: Any) -> tuple[int, str]:
    """How a run, or a test, ended that uses a checkpoint in one of the ways; what it said."""
    hooks = [dict(type=kind) for kind in ('StrictLoadHook', 'ExactResumeHook')]
    if way == 'prefixes':
        hooks.append(dict(type='LoadPretrainedHook', checkpoint=str(path), prefixes='linear'))
    else:
        options['load_from'] = str(path)
    options['train_cfg__max_epochs'] = 4 if way == 'resume' else 1
    kind = dict(resume=way == 'resume', test=way == 'test')
    return go(folder, 'said', custom_hooks=hooks, **kind, **options)


# What is said of a bad checkpoint: where it is refused, and where it is taken.
REFUSED = {
    'a list': 'holds a list: expected a dict',
    'an average alone': 'only averaged weights',
    'a pickle that runs code': 'loading the rest could run code',
    'zero bytes': r'\(0 bytes\) is no PyTorch checkpoint',
    'cut': 'its end is missing',
    'a flipped bit': 'was changed after it was written',
}
TAKEN = {'prefix module.': '', 'float16': 'with fewer bits'}
TRIED = [('cut', 'resume'), ('a flipped bit', 'test'), ('float16', 'load_from')]
TRIED += [('a pickle that runs code', 'resume')]
if LONG:
    TRIED = [(kind, way) for kind in REFUSED | TAKEN for way in ('load_from', 'resume', 'test')]


def write_bad(kind: str, content: Any, path: Path) -> None:
    weights = content['state_dict']
    if kind == 'a list':
        content = [content]
    elif kind == 'an average alone':
        content = {'ema_state_dict': weights, 'meta': {}}
    elif kind == 'a pickle that runs code':
        content['bomb'] = Payload(path.with_name('boom'))
    elif kind == 'prefix module.':
        content['state_dict'] = {f'module.{name}': value for name, value in weights.items()}
    elif kind == 'float16':
        content['state_dict'] = {name: value.half() for name, value in weights.items()}
    torch.save(content, path)
    data = path.read_bytes()
    if kind == 'a flipped bit':
        path.write_bytes(data.replace(b'linear.weight', b'linear.weighu', 1))
    elif kind in ('zero bytes', 'cut'):
        path.write_bytes(data[: len(data) // 2 if kind == 'cut' else 0])


@pytest.mark.promise('Checkpoints', 'A wrong checkpoint is refused in one sentence')
@pytest.mark.parametrize(('kind', 'way'), TRIED)
def test_a_bad_checkpoint_is_refused_or_explained(
    kind: str, way: str, content: dict, tmp_path: Path
) -> None:
    path = tmp_path / 'bad.pth'
    write_bad(kind, content, path)
    code, said = use(tmp_path, way, path)
    assert not (tmp_path / 'boom').exists()
    if kind in TAKEN:
        assert code == 0, said[-3000:]
        assert TAKEN[kind] in said
    else:
        assert re.search(f'{path}.*{REFUSED[kind]}', refusal(code, said))


@pytest.mark.promise('Untrusted files', 'A checkpoint at a URL runs no code')
@pytest.mark.parametrize('way', ['load_from', 'prefixes'])
def test_a_checkpoint_at_a_url_runs_no_code(
    way: str, content: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMEngine reads URLs through PyTorch's hub, which unpickles; here from its cache."""
    cache, mark = tmp_path / 'hub/checkpoints', tmp_path / 'boom'
    cache.mkdir(parents=True)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    torch.save({**content, 'bomb': Payload(mark)}, cache / 'bomb.pth')
    torch.save(content, cache / 'good.pth')
    code, log = use(tmp_path, way, 'https://example.invalid/bomb.pth')
    assert code == 1
    assert not mark.exists()
    assert 'UnpicklingError' in log or way == 'prefixes'
    assert use(tmp_path, way, 'https://example.invalid/good.pth')[0] == 0


@pytest.mark.promise('Checkpoints', 'A flipped bit is refused, or changes nothing that is read')
def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(good: Path, tmp_path: Path) -> None:
    path, data, draw = tmp_path / 'flipped.pth', good.read_bytes(), random.Random(0)
    expected = torch.load(good, weights_only=True)
    refused, tried = 0, cases(30, 2000)
    for _ in range(tried):
        changed = bytearray(data)
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        try:
            # PyTorch aligns its records with bytes that nothing reads.
            assert unequal(read_checkpoint(path), expected) == []
        except ValueError:
            refused += 1
    assert refused > tried / 2


@pytest.mark.promise('Untrusted files', 'A config stored in a checkpoint is not executed')
def test_a_stored_config_is_not_executed(content: dict, tmp_path: Path) -> None:
    mark, path = tmp_path / 'mark', tmp_path / 'code.pth'
    code = f'import os\nos.mkdir({str(mark)!r})\n'
    content['meta'].update(cfg=code, config=code)
    content['message_hub']['runtime_info']['cfg'] = code
    torch.save(content, path)
    ended, log = use(tmp_path, 'resume', path)
    assert ended == 0, log[-3000:]
    assert 'is not executed' in log
    # MMEngine's inferencers execute the config of a checkpoint where they find one.
    with pytest.raises(ValueError, match='given without a config'):
        type('Inferencer', (BaseInferencer,), ABSTRACT)(weights=str(path))
    assert not mark.exists()


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
