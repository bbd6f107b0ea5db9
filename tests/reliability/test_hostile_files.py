"""Reading untrusted checkpoints, features, results and prompts runs no code and ends soon.

Lists and clips are attacked in ``test_hostile_clips.py``.
"""

import resource
import time

import pytest
import torch
from attacks import CHECKPOINTS, FEATURES, PROMPTS, Payload, pickled
from small_runs import ARCH, TOY, run_tool

from dferclip_mm.converters import read_published
from dferclip_mm.evaluation.results import read_results
from dferclip_mm.models.clip.build import build_clip
from dferclip_mm.prompts import load_prompts, parse_prompts
from dferclip_mm.prompts.parse import MAX_BYTES

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


# A file, how it is read, and the attacks that it may hold.
READERS = {
    'converted.pth': (read_published, CHECKPOINTS),
    'clip.pt': (lambda name: build_clip(ARCH, name), CHECKPOINTS),
    'trained.pth': (
        lambda name: run_tool('train', TOY, '--cfg-options', f'load_from={name}'),
        CHECKPOINTS,
    ),
    'tested.pth': (lambda name: run_tool('test', TOY, name), CHECKPOINTS),
    'features.npz': (lambda name: run_tool('linear_probe', name, name), FEATURES),
    'results.json': (read_results, dict(pickle=pickled)),
    **{
        f'own.{suffix}': (lambda name: load_prompts(name, ['a']), {suffix: attack})
        for suffix, attack in PROMPTS.items()
    },
}


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when it is converted')
@pytest.mark.promise('Untrusted files', 'A `pretrained` file runs no code')
@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code in `load_from` and in testing')
@pytest.mark.promise('Untrusted files', 'A feature file runs no code')
@pytest.mark.promise('Untrusted files', 'A prompt file runs no code')
@pytest.mark.parametrize(
    ('name', 'attack'),
    [(name, attack) for name, (_, attacks) in READERS.items() for attack in attacks],
)
def test_a_file_that_is_read_runs_no_code(name, attack, marker, work_dir):
    read, attacks = READERS[name]
    (work_dir / name).write_bytes(attacks[attack](marker))
    with pytest.raises((ValueError, SystemExit), match=name):
        read(name)


@pytest.mark.promise('Untrusted files', 'A checkpoint runs no code when a run resumes from it')
@pytest.mark.parametrize('key', ['message_hub', 'optimizer', 'meta'])
def test_a_checkpoint_that_a_run_resumes_from_runs_no_code(marker, key):
    content = dict(state_dict={}, meta={}, message_hub={}, optimizer={})
    torch.save({**content, key: dict(code=Payload(marker))}, 'epoch_1.pth')
    with pytest.raises(SystemExit, match=r'epoch_1\.pth'):
        run_tool('train', TOY, '--resume', '--cfg-options', 'load_from=epoch_1.pth')


BOMBS = {
    'nested lists.json': b'[' * 99_000,
    'nested tables.json': b'{"a":' * 19_000,
    'nested.yaml': b'[' * 99_000,
    'aliases.yaml': b'a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]',
    'an alias of itself.yaml': b'a: &a [*a]',
    'one name many times.json': b'{' + b'"a":"x",' * 10_000 + b'"a":"x"}',
    'a long number.json': b'{"a": ' + b'9' * 90_000 + b'}',
    'two documents.yaml': b'a: x\n---\nb: y',
}


@pytest.mark.promise(
    'Lists and prompts', 'YAML and JSON bombs are refused soon and in little memory'
)
@pytest.mark.parametrize('name', BOMBS)
def test_bombs_are_refused_soon_and_in_little_memory(name):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with pytest.raises(ValueError, match=f'^{name}'):
        parse_prompts(BOMBS[name], name)
    # A bomb takes minutes and gigabytes, or does not end.
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_file_larger_than_memory_is_not_read(tmp_path):
    path = tmp_path / 'own.json'
    with path.open('wb') as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match=rf'own\.json has more than {MAX_BYTES} bytes'):
        load_prompts(str(path), ['a'])
