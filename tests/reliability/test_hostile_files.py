"""Reading untrusted checkpoints, features, results and prompts runs no code.

Lists and clips are attacked in ``test_hostile_clips.py``.
"""

from __future__ import annotations

import pytest
import torch
from attacks import CHECKPOINTS, FEATURES, PROMPTS, Payload, pickled
from small_runs import TOY, run_tool

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
def marker(work_dir, monkeypatch):
    """What an attack writes; not there at the end of each test."""
    # PyTorch runs code wherever the caller does not forbid it.
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    yield work_dir / 'code_ran'
    assert not (work_dir / 'code_ran').exists()


@pytest.fixture
def write(work_dir, marker):
    """Write an attack to a file of the given name."""

    def write(attack, name):
        (work_dir / name).write_bytes(attack(marker))
        return work_dir / name

    return write


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when it is converted')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_checkpoint_to_be_converted_runs_no_code(write, kind):
    with pytest.raises(ValueError, match=r'model\.pth'):
        read_published(write(CHECKPOINTS[kind], 'model.pth'))


@pytest.mark.promise('Untrusted files', 'A `pretrained` file runs no code')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_pretrained_file_runs_no_code(write, tiny_clip, kind):
    path = write(CHECKPOINTS[kind], 'clip.pt')
    with pytest.raises(ValueError, match=r'clip\.pt \(\d+ bytes\) does not hold CLIP weights'):
        build_clip(tiny_clip, str(path))


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code in `load_from` and in testing')
@pytest.mark.parametrize('kind', CHECKPOINTS)
@pytest.mark.parametrize('program', ['train', 'test'])
def test_a_checkpoint_that_a_run_loads_runs_no_code(write, kind, program):
    path = write(CHECKPOINTS[kind], 'model.pth')
    options = [path] if program == 'test' else ['--cfg-options', f'load_from={path}']
    with pytest.raises(SystemExit, match=r'model\.pth'):
        run_tool(program, TOY, *options)


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when a run resumes from it')
@pytest.mark.parametrize('key', ['message_hub', 'optimizer', 'meta'])
def test_a_checkpoint_that_a_run_resumes_from_runs_no_code(marker, key):
    content = dict(state_dict={}, meta={}, message_hub={}, optimizer={})
    torch.save({**content, key: dict(code=Payload(marker))}, 'epoch_1.pth')
    with pytest.raises(SystemExit, match=r'epoch_1\.pth'):
        run_tool('train', TOY, '--resume', '--cfg-options', 'load_from=epoch_1.pth')


@pytest.mark.promise('Untrusted files', 'A feature file runs no code')
@pytest.mark.parametrize('kind', FEATURES)
def test_a_feature_file_runs_no_code(write, kind):
    path = write(FEATURES[kind], 'features.npz')
    said = r'features\.npz: expected a file of tools/extract_features'
    with pytest.raises(SystemExit, match=said):
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
