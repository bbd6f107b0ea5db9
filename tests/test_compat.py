"""Each remedy of compat.py acts where its bug is, and nowhere else."""

from __future__ import annotations

import importlib.util
import io
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.optim import OneCycleLR

from dferclip_mm import compat

ROOT = Path(__file__).parents[1]


def test_a_missing_mmcv_names_the_two_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    compat.require_mmcv()
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ImportError, match=r'pip install mmcv-lite==.* full mmcv'):
        compat.require_mmcv()


FORK = """
__path__ = [{folder!r}]
exec(open({folder!r} + '/__init__.py').read())
__version__ = '2.3.6'
"""


def test_importing_the_package_makes_mmactions_models_importable(tmp_path: Path) -> None:
    """Also beside a maintained fork of mmcv, whose version MMAction2 refuses."""
    (tmp_path / 'mmcv').mkdir()
    folder = str(Path(mmcv.__file__).parent)
    (tmp_path / 'mmcv/__init__.py').write_text(FORK.format(folder=folder))
    (tmp_path / 'onedl_mmcv-2.3.6.dist-info').mkdir()
    (tmp_path / 'onedl_mmcv-2.3.6.dist-info/METADATA').write_text(
        'Metadata-Version: 2.1\nName: onedl-mmcv\nVersion: 2.3.6\n'
    )
    program = 'import dferclip_mm, mmaction.models, mmcv; print(mmcv.__version__)'
    done = subprocess.run(
        [sys.executable, '-W', 'error::UserWarning', '-c', program],
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}:{ROOT}'},
        text=True,
        capture_output=True,
        check=False,
    )
    # No warning of mmcv-lite either: it would be an error here.
    assert (done.returncode, done.stdout) == (0, '2.3.6\n'), done.stderr[-2000:]


@pytest.mark.parametrize(('has_function', 'expected'), [(True, True), (False, False)])
def test_vindlu_is_left_out_only_beside_a_transformers_that_it_cannot_use(
    has_function: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mmaction.utils.dependency as dependency

    transformers = types.ModuleType('transformers')
    modeling = types.ModuleType('transformers.modeling_utils')
    if has_function:
        modeling.apply_chunking_to_forward = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'transformers', transformers)
    monkeypatch.setitem(sys.modules, 'transformers.modeling_utils', modeling)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: object())
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    compat.skip_vindlu()
    assert dependency.WITH_MULTIMODAL is expected


def stored(content: object) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(content, file)
    file.seek(0)
    return file


def test_a_checkpoint_with_mmengines_message_hub_loads_with_weights_only() -> None:
    hub = MessageHub('test_compat')
    for value in (3.0, 2.0, 1.0):
        hub.update_scalar('train/loss', value)
    hub.update_scalar('train/grad_norm', np.float32(0.5))
    hub.update_info('epoch', 4)
    content = {'message_hub': hub.state_dict(), 'state_dict': {'weight': torch.ones(2)}}

    loaded = torch.load(stored(content), weights_only=True)
    loss = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(loss, HistoryBuffer)
    assert (loss.mean(), loss.min(), loss.max(), loss.current()) == (2.0, 1.0, 3.0, 1.0)
    assert loaded['message_hub']['runtime_info']['epoch'] == 4


@pytest.mark.parametrize('strategy', ['cos', 'linear'])
def test_a_stored_schedule_is_restored(strategy: str) -> None:
    def build() -> OneCycleLR:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
        return OneCycleLR(optimizer, eta_max=0.1, total_steps=9, anneal_strategy=strategy)

    before, after = build(), build()
    after.load_state_dict(torch.load(stored(before.state_dict()), weights_only=True))
    assert after.state_dict() == before.state_dict()


@pytest.mark.parametrize('module', ['numpy.core.multiarray', 'numpy._core.multiarray'])
@pytest.mark.parametrize('value', [np.float64(1.5), np.arange(3)])
def test_arrays_of_either_numpy_load(module: str, value: object) -> None:
    # Both spellings have to end in the numpy that is installed.
    ours = np.asarray(0).__reduce__()[0].__module__
    pickled = pickle.dumps(value, protocol=2).replace(
        f'c{ours}\n'.encode(), f'c{module}\n'.encode()
    )
    assert f'c{module}\n'.encode() in pickled
    file = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(file)
    writer.write_record('data.pkl', pickled, len(pickled))
    writer.write_record('byteorder', b'little', 6)
    writer.write_end_of_file()
    file.seek(0)
    np.testing.assert_array_equal(torch.load(file, weights_only=True), value)


class _Asks:
    """Pickles as ``getattr(owner, name)``."""

    def __init__(self, owner: object, name: str) -> None:
        self.asked = (owner, name)

    def __reduce__(self) -> tuple:
        return getattr, self.asked


# A method's globals would give a pickle the builtins.
@pytest.mark.parametrize(
    ('owner', 'name'), [(HistoryBuffer.mean, '__globals__'), (np.ndarray, 'tofile')]
)
def test_a_pickle_that_asks_for_another_attribute_is_refused(owner: object, name: str) -> None:
    with pytest.raises(Exception, match=rf"asks for attribute '{name}' of .*do not load it"):
        torch.load(stored({'meta': _Asks(owner, name)}), weights_only=True)
