"""How a run is built, and how its errors are shown."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from mini_corpora import write_dfew
from mmaction.registry import MODELS
from mmengine.config import Config
from small_runs import small_config, start
from torch.distributed import DistBackendError

from dferclip_mm.engine import run
from dferclip_mm.engine.run import friendly_errors

CLOSED = '[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:80'


def small_dfew(folder: Path) -> Config:
    root = write_dfew(folder / 'DFEW', num_frames=3)
    return small_config('dferclip_dfew', root.parent, folder / 'run')


@pytest.mark.parametrize(
    ('error', 'own'),
    [
        (RuntimeError(CLOSED), False),
        (DistBackendError('NCCL error'), False),
        (RuntimeError('no clip in /data/gloo/x'), True),
    ],
)
def test_only_errors_of_this_process_are_reported_to_torchrun(
    error: Exception, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Exception] = []

    class Handler:
        record_exception = staticmethod(told.append)

    monkeypatch.setattr(run, 'get_error_handler', Handler)
    with pytest.raises(RuntimeError), friendly_errors():
        raise error
    assert told == ([error] if own else [])


def test_a_checkpoint_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg, file = small_dfew(tmp_path), tmp_path / 'given.pth'
    torch.save({'state_dict': start(cfg.copy()).model.state_dict()}, file)
    reads: list[Any] = []
    real = zipfile.ZipFile.testzip

    def counted(archive: zipfile.ZipFile) -> str | None:
        reads.append(archive.filename)
        return real(archive)

    monkeypatch.setattr(zipfile.ZipFile, 'testzip', counted)
    monkeypatch.setenv('HOME', str(tmp_path))
    cfg.load_from = '~/given.pth'
    runner = start(cfg)
    assert reads == []
    runner.test()
    assert reads == [str(file)]


def test_strict_loading_is_added_to_configs_that_do_not_drop_it(tmp_path: Path) -> None:
    for value, present in (({}, True), ({'strict_load': None}, False)):
        cfg = small_config('toy', work_dir=tmp_path / f'run{present}')
        cfg.default_hooks = value
        names = {type(hook).__name__ for hook in start(cfg).hooks}
        assert ('StrictLoadHook' in names) is present


def test_an_error_of_the_user_ends_the_program_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = r'^error: no list at x\n\(DFERCLIP_MM_TRACEBACK=1 shows the traceback\)$'
    for error in (ValueError, FileNotFoundError, FloatingPointError):
        with pytest.raises(SystemExit, match=said), friendly_errors():
            raise error('no list at x')
    # MMEngine's, of a misspelt type.
    with pytest.raises(SystemExit, match='TextPromtHead is not in'), friendly_errors():
        MODELS.build(dict(type='TextPromtHead'))
    with pytest.raises(KeyError), friendly_errors():
        raise KeyError('img')
    monkeypatch.setenv('DFERCLIP_MM_TRACEBACK', '1')
    with pytest.raises(ValueError, match='no list at x'), friendly_errors():
        raise ValueError('no list at x')


def test_a_run_writes_its_config_without_a_code_formatter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    # onedl-mmengine imports it where it is called.
    for module in ('mmengine.config.config', 'yapf.yapflib.yapf_api'):
        monkeypatch.setattr(
            f'{module}.FormatCode', lambda text, **_: calls.append(text), raising=False
        )
    cfg = small_dfew(tmp_path)
    start(cfg).train()
    stored = tmp_path / 'run/dferclip_dfew.py'
    text = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)['meta']['config_text']
    assert calls == []
    for found in (stored.read_text(), text):
        model = Config.fromstring(found, '.py').to_dict()['model']
        assert model == cfg.to_dict()['model']
