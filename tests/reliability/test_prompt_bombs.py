"""Hostile prompt files are refused soon, and in little memory."""

from __future__ import annotations

import resource
import time

import pytest

from dferclip_mm.prompts import load_prompts, parse_prompts
from dferclip_mm.prompts.parse import MAX_BYTES

BOMBS = {
    'nested lists': (b'[' * 99_000, 'json'),
    'nested tables': (b'{"a":' * 19_000, 'json'),
    'nested YAML': (b'[' * 99_000, 'yaml'),
    'aliases': (b'a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]', 'yaml'),
    'an alias of itself': (b'a: &a [*a]', 'yaml'),
    'one name many times': (b'{' + b'"a":"x",' * 10_000 + b'"a":"x"}', 'json'),
    'a long number': (b'{"a": ' + b'9' * 90_000 + b'}', 'json'),
    'code': (b'a: !!python/object/apply:os.system ["true"]', 'yaml'),
    'two documents': (b'a: x\n---\nb: y', 'yaml'),
}


@pytest.mark.promise(
    'Lists and prompts', 'YAML and JSON bombs are refused soon and in little memory'
)
@pytest.mark.parametrize('name', BOMBS)
def test_bombs_are_refused_soon_and_in_little_memory(name):
    data, form = BOMBS[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    with pytest.raises(ValueError, match=rf'^own\.{form}'):
        parse_prompts(data, f'own.{form}')
    # A bomb takes minutes and gigabytes, or does not end.
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_file_larger_than_memory_is_not_read(tmp_path):
    path = tmp_path / 'own.json'
    with path.open('wb') as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match=rf'own\.json has more than {MAX_BYTES} bytes'):
        load_prompts(str(path), ['a'])
