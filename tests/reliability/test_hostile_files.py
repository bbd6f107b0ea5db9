"""Reading untrusted checkpoints, features, results and prompts runs no code.

Lists and clips are attacked in ``test_hostile_clips.py``.
"""

from __future__ import annotations

import pytest
import torch
from attacks import CHECKPOINTS, FEATURES, PROMPTS, canary_at, pickled

from dferclip_mm.converters import read_published
from dferclip_mm.evaluation.results import read_results
from dferclip_mm.models.clip.build import build_clip
from dferclip_mm.prompts import load_prompts

# TorchScript is deprecated, and PyTorch warns that it runs code.
pytestmark = [
    pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning'),
    pytest.mark.filterwarnings('ignore:.*(FORCE_NO_WEIGHTS_ONLY|TorchScript archive):UserWarning'),
]


@pytest.fixture
def canary(tmp_path):
    """At the end of each test the canary is alive."""
    with canary_at(tmp_path) as canary:
        yield canary
        assert not canary.fired()


@pytest.fixture
def write(canary):
    """Write an attack to a file of the given name."""

    def write(attack, name):
        path = canary.folder / name
        path.write_bytes(attack(canary))
        return path

    return write


@pytest.fixture(autouse=True)
def _unsafe_pytorch(monkeypatch):
    """PyTorch runs code wherever the caller does not forbid it."""
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when it is converted')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_checkpoint_to_be_converted_runs_no_code(write, kind):
    path = write(CHECKPOINTS[kind], 'model.pth')
    with pytest.raises(ValueError, match=r'model\.pth'):
        read_published(path)


@pytest.mark.promise('Untrusted files', 'A `pretrained` file runs no code')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_pretrained_file_runs_no_code(write, tiny_clip, kind):
    path = write(CHECKPOINTS[kind], 'clip.pt')
    with pytest.raises(ValueError, match=r'clip\.pt \(\d+ bytes\) does not hold CLIP weights'):
        build_clip(tiny_clip, str(path))


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code in `load_from` and in testing')
@pytest.mark.parametrize('kind', CHECKPOINTS)
@pytest.mark.parametrize('program', ['train', 'test'])
@pytest.mark.usefixtures('work_dir')
def test_a_checkpoint_that_a_run_loads_runs_no_code(write, run_tool, toy_config, kind, program):
    path = write(CHECKPOINTS[kind], 'model.pth')
    options = [path] if program == 'test' else ['--cfg-options', f'load_from={path}']
    with pytest.raises(SystemExit, match=r'model\.pth'):
        run_tool(program, toy_config, *options)


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when a run resumes from it')
@pytest.mark.parametrize('key', ['message_hub', 'optimizer', 'meta'])
@pytest.mark.usefixtures('work_dir')
def test_a_checkpoint_that_a_run_resumes_from_runs_no_code(canary, run_tool, toy_config, key):
    path = canary.folder / 'epoch_1.pth'
    content = dict(state_dict={}, meta={}, message_hub={}, optimizer={})
    torch.save({**content, key: dict(code=canary.payload)}, path)
    with pytest.raises(SystemExit, match=r'epoch_1\.pth'):
        run_tool('train', toy_config, '--resume', '--cfg-options', f'load_from={path}')


@pytest.mark.promise('Untrusted files', 'A feature file runs no code')
@pytest.mark.parametrize('kind', FEATURES)
def test_a_feature_file_runs_no_code(write, run_tool, kind):
    path = write(FEATURES[kind], 'features.npz')
    with pytest.raises(
        SystemExit, match=r'features\.npz: expected a file of tools/extract_features'
    ):
        run_tool('linear_probe', path, path)


def test_a_file_of_results_runs_no_code(write):
    with pytest.raises(ValueError, match=r'results\.json'):
        read_results(write(pickled, 'results.json'))


@pytest.mark.promise('Untrusted files', 'A prompt file runs no code')
@pytest.mark.parametrize('suffix', PROMPTS)
def test_a_prompt_file_runs_no_code(write, suffix):
    path = write(PROMPTS[suffix], f'own.{suffix}')
    with pytest.raises(ValueError, match=rf'own\.{suffix}'):
        load_prompts(str(path), ['a'])
