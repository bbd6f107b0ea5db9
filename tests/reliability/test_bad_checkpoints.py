"""Twelve wrong checkpoints, in training, resuming and testing: refused, or taken with a word."""

from __future__ import annotations

import os
import random
import re
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

from dferclip_mm.engine.checkpoints import find_resumable, read_checkpoint
from dferclip_mm.engine.launch import errors_in_one_sentence


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
TAKEN = {'prefix module.': None, 'float16': 'with fewer bits'}


def _spoil(good: Path, kind: str, path: Path) -> None:
    content = torch.load(good, weights_only=True)
    changed = BAD[kind][0](content, path)
    if changed is not None:
        torch.save(changed, path)


def _use(way: str, path: Path, folder: Path) -> None:
    try:
        _start(way, path, folder)
    except SystemExit as end:
        print(f'ended with: {end}')
        raise


def _start(way: str, path: Path, folder: Path) -> None:
    with errors_in_one_sentence():
        cfg = config(folder / 'run')
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook.type != 'EMAHook']
        cfg.load_from = str(path)
        if way == 'resume':
            cfg.train_cfg.max_epochs = 4
            train(cfg, resume=True)
        elif way == 'load_from':
            train(cfg)
        else:
            start(cfg).test()


WAYS = ('load_from', 'resume', 'test')
# All 36, or each kind in one way.
TRIED = [(kind, way) for kind in BAD for way in WAYS]
TRIED = TRIED if LONG else [TRIED[3 * place + place % 3] for place in range(len(BAD))]


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
    expected = BAD[kind][1]
    if expected is None:
        assert code == 0, said[-20:]
        assert TAKEN[kind] is None or any(TAKEN[kind] in line for line in said)
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


def test_weights_alone_are_no_run_to_resume(good: Path, tmp_path: Path) -> None:
    best = next(good.parent.glob('best_*.pth'))
    assert in_fork(lambda: _use('resume', best, tmp_path), tmp_path / 'log.txt') == 1
    said = (tmp_path / 'log.txt').read_text()
    assert f'{best} holds no run to resume: it lacks' in said
    assert 'optimizer' in said
    assert in_fork(lambda: _use('load_from', best, tmp_path), tmp_path / 'log.txt') == 0


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
