"""For every test: MMAction2's scope, one thread, a small CLIP, an empty folder for programs."""

import copy
import gc
import os
import signal
from pathlib import Path

import pytest
import small_runs
import torch
from clip_files import write_frames, write_text, write_video
from mmengine.registry import init_default_scope

import dferclip_mm  # noqa: F401 - registers the components

torch.set_num_threads(1)


def pytest_collection_finish():
    """Keep the imported objects out of the garbage collection of each dataset that is built."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_registries():
    """A run must not meet the logger of another test's run, which began in the same second."""
    small_runs.forget_runs()
    init_default_scope('mmaction')
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _restored_signals():
    """A test that leaves a signal caught or blocked would make a later test hang."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in signals]
    yield
    assert [signal.getsignal(number) for number in signals] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []).isdisjoint(signals)


@pytest.fixture
def said_by(monkeypatch):
    """A function of a module's name: what the module logs from then on, in a list."""

    def listen(module):
        messages = []
        monkeypatch.setattr(f'{module}.print_log', lambda message, **_: messages.append(message))
        return messages

    return listen


@pytest.fixture
def tiny_clip():
    """An open_clip config of a CLIP that builds in milliseconds: 32 px, 32 dimensions."""
    return copy.deepcopy(small_runs.ARCH)


@pytest.fixture
def tiny_weights(tmp_path):
    """A weights file of `tiny_clip`, in open_clip's layout."""
    return str(small_runs.write_weights(tmp_path / 'tiny_clip.pt', seed=0))


@pytest.fixture
def tiny_model(tiny_clip):
    """The config of a small DFER-CLIP for clips of 4 frames."""
    sizes = dict(in_channels=32, embed_dims=32, max_frames=4)
    return small_runs.small_model(tiny_clip, tiny_clip, **sizes)


@pytest.fixture(scope='session')
def corpora(tmp_path_factory):
    """The folder of all small corpora, which no test changes."""
    root = tmp_path_factory.mktemp('corpora')
    small_runs.write_corpora(root)
    return root


@pytest.fixture
def frames():
    return write_frames


@pytest.fixture
def video():
    return write_video


@pytest.fixture
def text():
    return write_text


@pytest.fixture
def toy_config():
    return str(small_runs.TOY)


@pytest.fixture
def run_tool():
    return small_runs.run_tool


@pytest.fixture
def work_dir(tmp_path, monkeypatch):
    """An empty current folder, from which new processes can import the tests' helpers."""
    monkeypatch.chdir(tmp_path)
    tests = Path(small_runs.__file__).parent
    paths = [tests.parent, tests.parent / 'demo', tests]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(map(str, paths)))
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    return tmp_path
