"""Files of strangers are data: reading them runs no code.

No archive is unpacked: of a zip only PyTorch's and numpy's own records are read, in memory. Lists
and clips are attacked in ``test_hostile_clips.py``.
"""

from __future__ import annotations

import pytest
import torch
from attacks import CHECKPOINTS, FEATURES, PICKLE, PROMPTS, RESUMED, fires
from canary import canary_at

from dferclip_mm.converters.converted import ConversionError
from dferclip_mm.converters.read import read_checkpoint
from dferclip_mm.evaluation.results import read_results
from dferclip_mm.models.clip.build import build_clip
from dferclip_mm.prompts import load_prompts

# TorchScript says at each use that it is not developed any more, PyTorch that it runs code.
pytestmark = [
    pytest.mark.filterwarnings(r'ignore:.*torch\.jit:FutureWarning'),
    pytest.mark.filterwarnings('ignore:.*(FORCE_NO_WEIGHTS_ONLY|TorchScript archive):UserWarning'),
]


@pytest.fixture
def canary(tmp_path, request):
    """Every test here but the controls ends with the canary alive."""
    with canary_at(tmp_path) as canary:
        yield canary
        assert 'control' in request.node.name or canary.fired() == []


@pytest.fixture(autouse=True)
def _advised_by_others(monkeypatch):
    """What makes PyTorch run code wherever nobody says that it must not."""
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')


# Checkpoints


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when it is converted')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_checkpoint_to_be_converted(canary, kind):
    path = canary.folder / 'model.pth'
    path.write_bytes(CHECKPOINTS[kind].write(canary))
    with pytest.raises(ConversionError, match=r'model\.pth'):
        read_checkpoint(path)
    assert [each.name for each in canary.folder.iterdir()] == ['model.pth']


@pytest.mark.promise('Untrusted files', 'A `pretrained` file runs no code')
@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_weights_of_a_tower(canary, tiny_clip, kind):
    path = canary.folder / 'clip.pt'
    path.write_bytes(CHECKPOINTS[kind].write(canary))
    with pytest.raises(ValueError, match=r'clip\.pt \(\d+ bytes\) does not hold CLIP weights'):
        build_clip(tiny_clip, str(path))


@pytest.fixture
def trained(work_dir, run_tool, toy_config):
    """The checkpoint of a run of seconds, to be turned into an attack."""
    run_tool('train', toy_config, '--work-dir', 'run')
    return work_dir / 'run/epoch_1.pth'


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code in `load_from` and in testing')
@pytest.mark.parametrize('kind', CHECKPOINTS)
@pytest.mark.parametrize('program', ['train', 'test'])
def test_a_checkpoint_that_a_run_starts_from(canary, work_dir, run_tool, toy_config, kind, program):
    path = canary.folder / 'model.pth'
    path.write_bytes(CHECKPOINTS[kind].write(canary))
    given = [path] if program == 'test' else ['--cfg-options', f'load_from={path}']
    with pytest.raises(SystemExit, match=r'model\.pth'):
        run_tool(program, toy_config, *given)


def put_in(content, canary, place):
    """Code at a place of a checkpoint."""
    if place.startswith('meta.'):
        content['meta'][place.removeprefix('meta.')] = canary.code
    elif place == 'message_hub':
        content['message_hub']['runtime_info']['code'] = canary.payload
    else:
        content['optimizer']['code'] = canary.payload
    return content


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when a run resumes from it')
@pytest.mark.parametrize('place', RESUMED)
def test_a_checkpoint_that_a_run_goes_on_from(canary, trained, run_tool, toy_config, place):
    content = torch.load(trained, map_location='cpu', weights_only=True)
    path = canary.folder / 'epoch_1.pth'
    torch.save(put_in(content, canary, place), path)
    options = ['--resume', '--cfg-options', f'load_from={path}']
    if place.startswith('meta.'):
        # Weights and numbers are taken, the text is not executed.
        run_tool('train', toy_config, '--work-dir', 'again', *options)
        run_tool('test', toy_config, path)
    else:
        with pytest.raises(SystemExit, match=r'epoch_1\.pth'):
            run_tool('train', toy_config, '--work-dir', 'again', *options)


# Features, results, prompts


@pytest.mark.promise('Untrusted files', 'A feature file runs no code')
@pytest.mark.parametrize('kind', FEATURES)
def test_a_feature_file(canary, work_dir, run_tool, kind):
    path = canary.folder / 'features.npz'
    path.write_bytes(FEATURES[kind].write(canary))
    with pytest.raises(SystemExit, match=r'error: .*features\.npz is not an \.npz file'):
        run_tool('linear_probe', path, path)


def test_results(canary):
    path = canary.folder / 'results.json'
    path.write_bytes(PICKLE.write(canary))
    with pytest.raises(ValueError, match=r'results\.json'):
        read_results(path)


@pytest.mark.promise('Untrusted files', 'A prompt file runs no code')
@pytest.mark.parametrize('suffix', PROMPTS)
def test_prompts(canary, suffix):
    path = canary.folder / f'own.{suffix}'
    path.write_bytes(PROMPTS[suffix].write(canary))
    with pytest.raises(ValueError, match=rf'own\.{suffix}'):
        load_prompts(str(path), ['a'])


# The same attacks on what is not protected: they do work, so that the tests above can fail.

FILES = CHECKPOINTS | FEATURES | PROMPTS | {'results': PICKLE}


def test_control_no_two_attacks_have_a_name_in_common():
    assert len(FILES) == len(CHECKPOINTS) + len(FEATURES) + len(PROMPTS) + 1


@pytest.mark.parametrize('kind', FILES)
def test_control_code(canary, kind):
    path = canary.folder / f'attack.{kind}'
    path.write_bytes(FILES[kind].write(canary))
    assert fires(canary, lambda: FILES[kind].careless(path)) == ['code ran']


@pytest.mark.parametrize('place', RESUMED)
def test_control_code_in_a_checkpoint(canary, place):
    content = {'meta': {}, 'message_hub': {'runtime_info': {}}, 'optimizer': {}}
    path = canary.folder / 'epoch_1.pth'
    torch.save(put_in(content, canary, place), path)
    assert fires(canary, lambda: RESUMED[place](path)) == ['code ran']
