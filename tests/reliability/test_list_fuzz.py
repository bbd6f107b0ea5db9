"""Lists of every form, well made and mutated: what gets in keeps the contract, the rest is named.

The contract is written out here without the parsers' help.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from dferclip_mm.datasets.columns import Columns, TableRow
from dferclip_mm.datasets.list_text import check_rows, decode_list
from dferclip_mm.datasets.lists import (
    ListLabels,
    Row,
    parse_dferclip_list,
    parse_dfew_csv,
    parse_ferv39k_list,
    parse_mafw_captions,
)
from dferclip_mm.datasets.tables import parse_csv
from dferclip_mm.emotions import CORPUS_CLASSES

SEVEN, ELEVEN = CORPUS_CLASSES['dfew'], CORPUS_CLASSES['mafw']
FORMS = {
    'DFEW csv': (parse_dfew_csv, ListLabels(SEVEN, first=1)),
    'words': (parse_ferv39k_list, ListLabels(SEVEN)),
    'compounds': (parse_ferv39k_list, ListLabels(ELEVEN, compound=True)),
    'captions': (parse_mafw_captions, ListLabels(ELEVEN)),
    'compounds with captions': (parse_mafw_captions, ListLabels(ELEVEN, compound=True)),
    'counted': (parse_dferclip_list, ListLabels(SEVEN, first=0)),
}
BIDI = '\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'


def keeps_contract(row: Row, classes: tuple[str, ...]) -> bool:
    parts = row.clip.split('/')
    return (
        all(emotion in classes for emotion in row.label.split('_'))
        and (row.num_frames is None or row.num_frames >= 1)
        and row.line >= 1
        and is_safe(row.clip)
        and not set('\t\r\n\0') & set(row.chinese + row.english)
        and all(part not in ('', '.', '..') for part in parts)
    )


def is_safe(clip: str) -> bool:
    """Whether a reference stays below the root on any system, and prints as what it is."""
    return (
        unicodedata.is_normalized('NFC', clip)
        and not any(unicodedata.category(sign) in ('Cc', 'Zl', 'Zp', 'Cs') for sign in clip)
        and not set(clip) & set(BIDI + '\ufeff\\')
        and not clip.startswith(('/', '~/'))
        and '..' not in clip.split('/')
        and not re.match(r'[A-Za-z][A-Za-z0-9+.-]*:', clip)
        and clip == clip.strip()
    )


# What a list is made of, and what it should never be made of.
def split_at(text: str) -> list[str]:
    return text.split('|')


NAMES = st.sampled_from(
    split_at('1|00025.mp4|Action/Happy/0267|Daily Life/Sad/1|一个/女人|caf\u00e9|cafe\u0301|a, b')
    + split_at(r"""/data/x/00001|D:\clips\1|./a|a/./b|a//b|it's|"q" """)
    + ['\U0001f600']
)
HOSTILE = st.sampled_from(
    split_at(r'..|../|..\|/|\|~/|http://h/x|file:///etc/passwd|concat:a|C:|"|,|_|None|nan|inf')
    + split_at('-1|0|99|+1|1.0|1_0|\uff12|1e999|99999999999999999999|| |\t|\0|\x1b[2J|\x85')
    + split_at('\u2028|\u202e|\ufeff|\u00a0|\u3000')
)
WORDS = st.sampled_from(split_at('Happy|anger|SAD|fear|Neutral|contempt|anger_disgust|fear_fear'))
NUMBERS = st.sampled_from([1, 2, 3, 4, 5, 6, 1, 2, 3, 0, 7, 8, -1]).map(str)
ENDS = st.sampled_from(['\n', '\r\n', '\r'])
SEPARATORS = {'DFEW csv': ',', 'scores': ',', 'captions': '\t', 'compounds with captions': '\t'}


@st.composite
def lists(draw: st.DrawFn, form: str) -> str:
    """A list of the form with rows of its kind, most good, some with something foreign in them."""
    separator = SEPARATORS.get(form, ' ')
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        columns = {
            'DFEW csv': [NAMES, NUMBERS],
            'counted': [NAMES, NUMBERS, NUMBERS],
            'scores': [NAMES, NUMBERS, st.sampled_from(['train', 'test'])],
        }.get(form, [NAMES, WORDS, *[st.text(max_size=8)] * 2 * ('captions' in form)])
        fields = [draw(column) for column in columns]
        for _ in range(draw(st.sampled_from([0] * 8 + [1, 2]))):
            place = draw(st.integers(0, len(fields) - 1))
            field, hostile = fields[place], draw(HOSTILE | st.text(max_size=3))
            fields[place] = draw(
                st.sampled_from([hostile, field + hostile, hostile + field, f'{field}/{hostile}'])
            )
        lines.append(draw(st.sampled_from([separator] * 12 + ['\t', ' ', ';'])).join(fields))
    if form == 'DFEW csv' and draw(st.booleans()):
        lines.insert(0, 'video_name,label')
    if form == 'scores':
        headers = ['clip,pain,split'] * 8 + ['clip,pain', 'clip,pain,pain', 'clip,,split', '"clip']
        lines.insert(0, draw(st.sampled_from(headers)))
    return draw(ENDS).join(lines)


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, 'surrogatepass' if encoding == 'utf-8' else 'replace')


Parsed = TypeVar('Parsed')


def tried(parse: Callable[[], Parsed]) -> tuple[Parsed | None, str]:
    """What a parser gives, or what its error says; any other kind of error ends the test."""
    try:
        return parse(), ''
    except ValueError as error:
        return None, str(error)


def enough(seen: Counter[str]) -> bool:
    """Whether the examples held both what gets in and what does not."""
    return min(seen['rows'], seen['refused']) >= 10


@pytest.mark.promise('Lists and prompts', 'A list gives valid rows, or an error with file and line')
@pytest.mark.parametrize('form', FORMS)
def test_what_gets_in_keeps_the_contract(form):
    seen: Counter[str] = Counter()
    parse, labels = FORMS[form]

    @fuzz()
    @given(lists(form), st.sampled_from(['utf-8', 'utf-8-sig', 'gb18030', 'utf-16', 'latin-1']))
    def check(text: str, encoding: str) -> None:
        data, name = encoded(text, encoding), 'dir/f.txt'
        rows, said = tried(lambda: check_rows(parse(decode_list(data, name), name, labels)))
        if rows is None:
            seen['refused'] += 1
            assert re.match(r'dir/f\.txt:[1-9][0-9]*: ', said), said
            return
        seen['rows'] += len(rows)
        for row in rows:
            assert keeps_contract(row, labels.order), row

    check()
    assert enough(seen), seen


LETTERS = st.characters(codec='gbk', categories=('L', 'N'))
FOLDER = st.text(LETTERS | st.sampled_from(" .,-+()'&"), min_size=1, max_size=12).filter(
    lambda name: name == name.strip() and name.strip('. ') and not name.isdigit()
)


@st.composite
def well_made(draw: st.DrawFn, form: str) -> tuple[bytes, list[Row]]:
    """A list as a careful stranger writes it, and its rows: put together without the writers."""
    classes = FORMS[form][1].order
    # Spelled as in Python's own library, whatever the parsers use.
    names = draw(st.lists(st.lists(FOLDER, min_size=1, max_size=3), min_size=1, max_size=5))
    end, lines, rows = draw(ENDS), [], []
    if form == 'DFEW csv':
        lines.append('video_name,label')
    for parts in names:
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(['', '   ', '\t'])))
        number = draw(st.integers(0, len(classes) - 1))
        label, frames = classes[number], draw(st.integers(1, 10**9 - 1))
        if form.startswith('compounds') and draw(st.booleans()):
            label += '_' + classes[number - 1]
        given_name = draw(st.sampled_from(['/', '\\'])).join(parts)
        row = Row(unicodedata.normalize('NFC', '/'.join(parts)), label, len(lines) + 1)
        blank = draw(st.sampled_from([' ', '  ', '\t', '   ']))
        if form == 'DFEW csv':
            line = f'{given_name},{number + 1}'
        elif form == 'counted':
            line = f'/data/{given_name}{blank}{frames}{blank}{number}'
            row = replace(
                row, clip=f'data/{row.clip}', num_frames=frames, path_from_other_machine=True
            )
        elif 'captions' in form:
            chinese, english = draw(st.text(LETTERS)), draw(st.text(LETTERS))
            line = f'{given_name}\t{label}\t{chinese}\t{english}'
            row = replace(row, chinese=chinese, english=english)
        else:
            line = f'{given_name}{blank}{label}'
        lines.append(line)
        rows.append(row)
    encoding = draw(st.sampled_from(['utf-8', 'utf-8-sig', 'gbk']))
    data = (end.join(lines) + end * draw(st.integers(0, 2))).encode(encoding)
    return data, rows


@pytest.mark.promise(
    'Lists and prompts', 'BOM, CRLF, tabs, blank lines, GB18030 and any letters are read'
)
@pytest.mark.parametrize('form', FORMS)
def test_well_made_lists_are_read_whatever_their_encoding_and_line_ends(form):
    parse, labels = FORMS[form]

    @fuzz()
    @given(well_made(form))
    def check(made: tuple[bytes, list[Row]]) -> None:
        data, rows = made
        assert check_rows(parse(decode_list(data, 'f'), 'f', labels)) == rows

    check()


def read_scores(data: bytes) -> list[TableRow]:
    columns = Columns(dict(path='clip', label=None, scores=['pain']))
    found, records = parse_csv(decode_list(data, 'dir/f'), 'dir/f')
    columns.check(found, 'dir/f')
    return check_rows(columns.read_all(records, 'dir/f', str))


def test_scores_that_get_in_are_finite_and_their_clips_safe():
    seen: Counter[str] = Counter()

    @fuzz()
    @given(lists('scores'), st.sampled_from(['utf-8', 'utf-8-sig', 'gb18030', 'utf-16']))
    def check(text: str, encoding: str) -> None:
        data = encoded(text, encoding)
        parsed, said = tried(lambda: read_scores(data))
        if parsed is None:
            seen['refused'] += 1
            assert re.match(r'dir/f:[1-9][0-9]*: ', said), said
            return
        seen['rows'] += len(parsed)
        for row in parsed:
            assert is_safe(row.clip), row
            assert math.isfinite(*row.scores)
            assert row.line > 1

    check()
    assert enough(seen), seen
