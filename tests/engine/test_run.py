"""Which checkpoint ``--resume`` takes, what is read of one, and what is said of a run."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from mini_corpora import write_dfew
from mmengine.config import Config
from small_runs import small_config, start
from torch.distributed import DistBackendError

from dferclip_mm.engine import run
from dferclip_mm.engine.run import enable_resume, friendly_errors


def resumed(folder: Path, source: str = 'auto', **checkpoint: Any) -> tuple[bool, str | None]:
    """What is set for a config that starts from other weights."""
    cfg = Config(
        dict(work_dir=str(folder), load_from='b.pth', default_hooks=dict(checkpoint=checkpoint))
    )
    enable_resume(cfg, source)
    return cfg.resume, cfg.load_from


@pytest.mark.parametrize('name', ['epoch_1.pth', 'preempted.pth', 'last_checkpoint'])
def test_what_a_run_wrote_is_resumed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert resumed(tmp_path) == (True, None)


@pytest.mark.parametrize('name', ['pretrained.pth', 'best_dfer_WAR_epoch_1.pth', 'iter_9.pth'])
def test_other_files_are_not(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert resumed(tmp_path) == (False, 'b.pth')


def test_names_and_folder_are_the_configs(tmp_path: Path) -> None:
    run, other = tmp_path / 'run', tmp_path / 'other'
    for folder in (run, other / 'run'):
        folder.mkdir(parents=True)
    (run / 'iter_9.pth').touch()
    assert resumed(run, by_epoch=False) == (True, None)
    assert resumed(run, filename_tmpl='iter_{}.pth') == (True, None)
    assert resumed(run, by_epoch=False, out_dir=str(other)) == (False, 'b.pth')
    (other / 'run/iter_9.pth').touch()
    assert resumed(run, by_epoch=False, out_dir=str(other)) == (True, None)


def test_processes_started_again_go_on_from_what_they_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'epoch_4.pth').touch()
    assert resumed(tmp_path, 'given.pth') == (True, 'given.pth')
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '0')
    assert resumed(tmp_path, 'given.pth') == (True, 'given.pth')
    monkeypatch.setenv('TORCHELASTIC_RESTART_COUNT', '1')
    assert resumed(tmp_path, 'given.pth') == (True, None)
    # Nothing written yet.
    assert resumed(tmp_path / 'empty', 'given.pth') == (True, 'given.pth')


CLOSED = '[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:80'


@pytest.mark.parametrize(
    ('error', 'own'),
    [
        (RuntimeError(CLOSED), False),
        (DistBackendError('NCCL error'), False),
        (ValueError('expected a list at /data/gloomy/x'), True),
        (RuntimeError('no clip in /data/gloo/x'), True),
        (FileNotFoundError('gloo/transport/tcp/pair.cc:534'), True),
    ],
)
def test_own_errors_are_told_to_torchrun(
    error: Exception, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Exception] = []

    class Handler:
        record_exception = staticmethod(told.append)

    monkeypatch.setattr(run, 'get_error_handler', Handler)
    with pytest.raises(type(error)), friendly_errors():
        raise error
    assert told == ([error] if own else [])


def test_a_checkpoint_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, file = write_dfew(tmp_path / 'DFEW', num_frames=3), tmp_path / 'given.pth'
    cfg = small_config('dferclip_dfew', root.parent, tmp_path / 'run')
    torch.save({'state_dict': start(cfg.copy()).model.state_dict()}, file)
    reads: list[Any] = []
    real = zipfile.ZipFile.testzip

    def counted(archive: zipfile.ZipFile) -> str | None:
        reads.append(archive.filename)
        return real(archive)

    monkeypatch.setattr(zipfile.ZipFile, 'testzip', counted)
    cfg.load_from = str(file)
    runner = start(cfg)
    assert reads == []
    runner.test()
    assert reads == [str(file)]


@pytest.mark.parametrize('own', [False, True])
def test_what_a_config_leaves_out_is_told(own: bool, tmp_path: Path) -> None:
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    cfg = small_config('dferclip_dfew', root.parent, tmp_path / 'run')
    if own:
        cfg.default_hooks.checkpoint = dict(type='CheckpointHook')
        cfg.custom_hooks = [dict(type='ExactResumeHook')]
    start(cfg)
    log = ''.join(path.read_text() for path in (tmp_path / 'run').rglob('*.log'))
    told = [line for line in log.splitlines() if 'this config leaves out' in line]
    assert len(told) == own
    for name in (
        'AtomicCheckpointHook',
        'PreemptionHook',
        'CheckInvalidLossHook',
    ):
        assert all(name in line for line in told)
    assert not any('ExactResumeHook' in line for line in told)
