"""Hostile prompt files are refused soon, and in little memory."""

import resource
import time

import pytest

from dferclip_mm.prompts import load_prompts, parse_prompts
from dferclip_mm.prompts.parse import MAX_BYTES

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
