"""Prompt files, valid, mutated and hostile: a table of sentences, or our error."""

from __future__ import annotations

import json
import re
import resource
import time
from collections import Counter

import pytest
import yaml
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from dferclip_mm.prompts import load_prompts, parse_prompts
from dferclip_mm.prompts.parse import MAX_BYTES

NAMES = st.sampled_from(['anger', 'fear', 'joy', 'no', 'null', '1.0', '2020-01-01', 'été', '惧'])
TEXTS = st.sampled_from(['a frown', 'an expression of {}.', 'yes: no', '# x', '惧', "'"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
TABLES = st.dictionaries(
    NAMES, TEXTS | st.lists(TEXTS, min_size=1, max_size=3), min_size=1, max_size=4
)
TAGS = '&a |*a|<<: |!!python/object/apply:os.system |!!binary |!!set |!!int |!!null |!!str |!own '
SIGNS = [*'-?[]{}|>"\':~\t\0\x85\ufeff\n', '%YAML 9.9\n', '---\n', '\\ud800', '1e999', '9' * 5000]


def is_table(table: object) -> bool:
    return (
        isinstance(table, dict)
        and bool(table)
        and all(isinstance(name, str) and name.isprintable() and name for name in table)
        and all(isinstance(texts, list) and texts for texts in table.values())
        and all(isinstance(s, str) and s.strip() for texts in table.values() for s in texts)
        # A tokenizer encodes it.
        and bool(json.dumps(table, ensure_ascii=False).encode())
    )


@st.composite
def files(draw: st.DrawFn, form: str) -> bytes:
    """A table of the form, most often with something inserted or removed."""
    table = draw(TABLES | TABLES | TABLES | VALUES)
    text = json.dumps(table) if form == 'json' else yaml.safe_dump(table, allow_unicode=True)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        start = draw(st.integers(0, len(text)))
        inserted = draw(st.sampled_from([*TAGS.split('|'), *SIGNS]))
        text = text[:start] + inserted + text[start + draw(st.integers(0, 3)) :]
    encoding = draw(st.sampled_from(['utf-8'] * 4 + ['utf-8-sig', 'utf-16', 'gbk']))
    return text.encode(encoding, 'replace')


@pytest.mark.promise(
    'Lists and prompts', 'A prompt file is a table of sentences, or an error that names the file'
)
@pytest.mark.parametrize('form', ['json', 'yaml'])
def test_a_prompt_file_is_a_table_of_sentences_or_our_error(form):
    seen: Counter[str] = Counter()

    @fuzz()
    @given(files(form))
    def check(data: bytes) -> None:
        try:
            table = parse_prompts(data, f'dir/own.{form}')
        except ValueError as error:
            said = str(error)
        else:
            seen['read'] += 1
            assert is_table(table)
            # Written and read again it is the same, in either form.
            for suffix, text in (('json', json.dumps(table)), ('yaml', yaml.safe_dump(table))):
                assert parse_prompts(text.encode(), f'again.{suffix}') == table
            return
        seen['refused'] += 1
        # An error about the complete file has no line.
        without_line = f'dir/own.{form}: expected a table of class names'
        assert re.match(rf'dir/own\.{form}:[1-9][0-9]*: ', said) or said.startswith(without_line), (
            said
        )
        assert len(said) < 600, said

    check()
    assert min(seen['read'], seen['refused']) >= 10, seen


BOMBS = {
    'nested lists': (b'[' * 99_000, 'json'),
    'nested tables': (b'{"a":' * 19_000, 'json'),
    'nested YAML': (b'[' * 99_000, 'yaml'),
    'nested dashes': (b'- ' * 49_000, 'yaml'),
    'aliases': (b'a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]', 'yaml'),
    'an alias of itself': (b'a: &a [*a]', 'yaml'),
    'many names': (b''.join(b'a%d: x\n' % n for n in range(9_000)) + b'a1: x', 'yaml'),
    'one name many times': (b'{' + b'"a":"x",' * 10_000 + b'"a":"x"}', 'json'),
    'a long number': (b'{"a": ' + b'9' * 90_000 + b'}', 'json'),
    'a number to the base of sixty': (b'a: 1' + b':1' * 45_000, 'yaml'),
    'code': (b'a: !!python/object/apply:os.system ["true"]', 'yaml'),
    'an object': (b'a: !!python/object:os.stat_result {}', 'yaml'),
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
