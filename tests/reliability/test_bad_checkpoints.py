"""Twelve wrong checkpoints, in four ways to use one: refused, or taken with a word."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import config, in_fork, train
from lengths import LONG, cases
from resume_cells import equal, leaves
from small_runs import start

from dferclip_mm.checkpoints.load import read_checkpoint
from dferclip_mm.checkpoints.resume_point import find_resumable
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
    'a part is missing': (
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
        'reading the rest could run code',
    ),
    'more keys': (
        _weights(lambda weights: {**weights, 'extra.weight': torch.ones(2)}),
        'only in the checkpoint: extra.weight',
    ),
    'float16': (_weights(lambda weights: {k: v.half() for k, v in weights.items()}), None),
    'an average alone': (
        lambda content, path: {'ema_state_dict': content['ema_state_dict'], 'meta': {}},
        'averaged weights .* alone',
    ),
}
# Parts of a checkpoint are taken by their names, and others may stand beside them.
OF_PARTS = {
    'no matching key': 'has no tensor of linear: it has those of other_linear',
    'more keys': None,
}
TAKEN = {
    'prefix module.': '2 tensors of linear loaded',
    'float16': 'with fewer bits',
    'more keys': 'left out of it: extra.weight',
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
        if way == 'parts':
            hook = dict(type='LoadPretrainedHook', checkpoint=str(path), parts='linear')
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


WAYS = ('load_from', 'resume', 'test', 'parts')
# All 48, or each kind in one way.
TRIED = [(kind, way) for kind in BAD for way in WAYS]
TRIED = TRIED if LONG else [TRIED[4 * place + (place + 2) % 4] for place in range(len(BAD))]


@pytest.mark.parametrize(('kind', 'way'), TRIED)
def test_it_is_refused_or_explained(kind: str, way: str, good: Path, tmp_path: Path) -> None:
    path, log = tmp_path / 'bad.pth', tmp_path / 'log.txt'
    _spoil(good, kind, path)
    # An environment that switches PyTorch's own guard off changes nothing.
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'

    try:
        code = in_fork(lambda: _use(way, path, tmp_path), log)
    finally:
        del os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD']
    said = log.read_text().splitlines()
    assert not (tmp_path / 'boom').exists()
    expected = BAD[kind][1] if way != 'parts' else OF_PARTS.get(kind, BAD[kind][1])
    if expected is None:
        assert code == 0, said[-20:]
        silent = kind == 'prefix module.' and way != 'parts'
        assert silent or any(TAKEN[kind] in line for line in said)
        return
    assert code == 1, said[-20:]
    last = [line for line in said if line.startswith('ended with: error: ')]
    assert len(last) == 1, said[-20:]
    assert str(path) in last[0]
    assert re.search(expected, last[0]), last[0]
    assert not any('Traceback' in line for line in said)


@pytest.mark.parametrize('part', ['meta', 'message_hub', 'state_dict', 'optimizer'])
@pytest.mark.parametrize('value', [[1], 'text', None])
def test_parts_that_are_no_dicts_are_passed_over(
    part: str, value: Any, good: Path, tmp_path: Path
) -> None:
    content = torch.load(good, weights_only=True)
    older, newer = tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth'
    torch.save(content, older)
    torch.save({**content, part: value}, newer)
    (tmp_path / 'last_checkpoint').write_text(str(newer))
    found, passed_over = find_resumable(tmp_path, tmp_path, 'epoch_*.pth')
    assert found == older
    assert len(passed_over) == 1
    assert f'{newer} holds no run to resume: its {part} is a ' in passed_over[0]


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ({'state_dict': [1]}, 'holds a list: expected a dict'),
        ({'state_dict': {'linear.weight': 'text'}}, 'no state dict: linear.weight is no tensor'),
        (None, 'no checkpoint at'),
    ],
)
def test_parts_are_taken_from_tensors_by_name(content: Any, said: str, tmp_path: Path) -> None:
    path, log = tmp_path / 'bad.pth', tmp_path / 'log.txt'
    if content is not None:
        torch.save(content, path)
    assert in_fork(lambda: _use('parts', path, tmp_path), log) == 1
    last = [line for line in log.read_text().splitlines() if line.startswith('ended with: error: ')]
    assert len(last) == 1
    assert said in last[0]
    assert str(path) in last[0]


@pytest.mark.parametrize('way', ['load_from', 'test', 'parts'])
def test_a_file_at_an_address_runs_no_code(way: str, good: Path, tmp_path: Path) -> None:
    """PyTorch's hub, which the host asks for addresses, unpickles; here from its cache."""
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
    assert 'UnpicklingError' in (tmp_path / 'log.txt').read_text() or way == 'parts'
    assert in_fork(lambda: child('good'), tmp_path / 'log.txt') == 0


@pytest.mark.parametrize(('way', 'code'), [('resume', 1), ('load_from', 0), ('test', 0)])
def test_an_average_is_not_gone_on_with_unawares(
    way: str, code: int, good: Path, tmp_path: Path
) -> None:
    """EMAHook stores it where the weights were; without that hook training would go on from it."""
    assert in_fork(lambda: _use(way, good, tmp_path), tmp_path / 'log.txt') == code
    said = (tmp_path / 'log.txt').read_text()
    expected = f'ended with: error: {good} holds an average of the weights (ema_state_dict)'
    assert (expected in said) == (way == 'resume')


@pytest.mark.parametrize('text', ['x' * 5000, 'a/\0/b', '', '\n', '..', '/'])
def test_a_pointer_to_nothing_is_passed_over(text: str, good: Path, tmp_path: Path) -> None:
    shutil.copy(good, tmp_path / 'epoch_3.pth')
    (tmp_path / 'last_checkpoint').write_text(text)
    found, passed_over = find_resumable(tmp_path, tmp_path, 'epoch_*.pth')
    assert found == tmp_path / 'epoch_3.pth'
    assert len(passed_over) == 1
    assert len(passed_over[0]) < 500


def test_a_copy_resumes_from_its_own_files(good: Path, tmp_path: Path) -> None:
    """Its pointer names the original's, which has gone on, or was trained again."""
    original, copy = tmp_path / 'run', tmp_path / 'backup'
    original.mkdir()
    shutil.copy(good, original / 'epoch_3.pth')
    (original / 'last_checkpoint').write_text(str(original / 'epoch_3.pth'))
    shutil.copytree(original, copy)
    assert find_resumable(copy, copy, 'epoch_*.pth') == (copy / 'epoch_3.pth', [])
    # Its own is gone: the one it was copied from is better than none.
    (copy / 'epoch_3.pth').unlink()
    assert find_resumable(copy, copy, 'epoch_*.pth') == (original / 'epoch_3.pth', [])


def test_weights_alone_are_no_run_to_resume(good: Path, tmp_path: Path) -> None:
    best = next(good.parent.glob('best_*.pth'))
    assert in_fork(lambda: _use('resume', best, tmp_path), tmp_path / 'log.txt') == 1
    said = (tmp_path / 'log.txt').read_text()
    assert f'{best} holds no run to resume: it lacks' in said
    assert 'optimizer' in said
    assert in_fork(lambda: _use('load_from', best, tmp_path), tmp_path / 'log.txt') == 0


def test_an_archive_that_says_it_lies_on_two_disks_is_refused(good: Path, tmp_path: Path) -> None:
    data = bytearray(good.read_bytes())
    data[data.rindex(b'PK\x06\x07') + 16] = 2
    path = tmp_path / 'disks.pth'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'disks\.pth .*: copy or train it again'):
        read_checkpoint(path)


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing(good: Path, tmp_path: Path) -> None:
    path, data = tmp_path / 'flipped.pth', good.read_bytes()
    expected = dict(leaves(torch.load(good, weights_only=True)))
    draw = random.Random(0)
    refused = 0
    tried = cases(150, 2000)
    for _ in range(tried):
        place, bit = draw.randrange(len(data)), 1 << draw.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        try:
            found = dict(leaves(read_checkpoint(path)))
        except ValueError:
            refused += 1
            continue
        # PyTorch aligns its records with bytes that nothing reads.
        assert found.keys() == expected.keys()
        assert all(equal(found[name], value) for name, value in expected.items())
    assert refused > tried / 2
    print(f'{refused} refused')


def test_a_stored_config_is_not_executed(good: Path, tmp_path: Path) -> None:
    content = torch.load(good, weights_only=True)
    del content['ema_state_dict']
    mark, path, log = tmp_path / 'mark', tmp_path / 'code.pth', tmp_path / 'log.txt'
    code = f'import os\nos.mkdir({str(mark)!r})\n'
    content['meta'].update(cfg=code, config=code)
    content['message_hub']['runtime_info']['cfg'] = code
    torch.save(content, path)
    assert in_fork(lambda: _use('resume', path, tmp_path), log) == 0, log.read_text()[-2000:]
    assert 'it is not executed' in log.read_text()
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


def test_ours_load_where_nothing_of_ours_is_known(good: Path) -> None:
    program = (
        'import sys, torch; found = torch.load(sys.argv[1], weights_only=True); '
        'ours = {"mmengine", "dferclip_mm"}; '
        'assert not ours & {name.split(".")[0] for name in sys.modules}; '
        'print(sorted(found))'
    )
    files = [good, *good.parent.glob('best_*.pth')]
    assert len(files) == 2
    for file in files:
        unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(file)
        assert unsafe == []
        done = subprocess.run(
            [sys.executable, '-c', program, str(file)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    found = torch.load(good, weights_only=True)
    assert 'cfg' not in found['meta']
    assert 'ToyClassifier' in found['meta']['config_text']
    assert len(found['param_schedulers']) == 2
    assert 'ema_state_dict' in found
    assert found['message_hub']['runtime_info']['best_score'] > 30


def test_a_checkpoint_of_the_host_loads_as_well(tmp_path: Path) -> None:
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
