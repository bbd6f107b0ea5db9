"""A list that grows by whole lines: what was cut off does not count, what is foreign is named."""

from typing import NamedTuple

import pytest

from dferclip_mm.precompute.journal import Journal


class Record(NamedTuple):
    clip: str
    frames: int


RECORDS = [Record('a/1', 3), Record('u\u2028x\u2029\u0085\r\n', 4), Record('no utf-8: \udcff', 5)]


@pytest.fixture
def journal(tmp_path):
    written = Journal(tmp_path / 'new/list.jsonl', Record)
    with written.writing():
        written.append(RECORDS[:1])
        written.append(RECORDS[1:])
    return written


def test_what_was_written_is_read(journal, tmp_path):
    assert journal.read() == RECORDS
    assert Journal(tmp_path / 'none', Record).read() == []


def test_lines_end_at_one_byte_alone(journal):
    journal.path.write_text('{"clip": "u\u2028\u2029\u0085x", "frames": 1}\n', encoding='utf-8')
    assert journal.read() == [Record('u\u2028\u2029\u0085x', 1)]


def test_cut_off_anywhere_it_holds_the_whole_lines_and_goes_on(journal):
    whole = journal.path.read_bytes()
    for size in range(len(whole)):
        journal.path.write_bytes(whole[:size])
        count = whole[:size].count(b'\n')
        assert journal.read() == RECORDS[:count]
        with journal.writing():
            assert journal.path.read_bytes() == b''.join(whole.splitlines(True)[:count])
            journal.append(RECORDS[count:])
        assert journal.path.read_bytes() == whole


@pytest.mark.parametrize(
    'line',
    [
        b'',
        b'{',
        b'[]',
        b'"clip"',
        b'\xff\xfe\x00',
        b'[' * 100_000,
        b'{"clip": "a"}',
        b'{"clip": "a", "frames": "3"}',
        b'{"clip": "a", "frames": true}',
        b'{"clip": "a", "frames": 3, "more": 1}',
    ],
    ids=lambda line: line[:40].decode(errors='replace'),
)
def test_a_line_of_something_else_is_named(journal, line):
    with journal.path.open('ab') as file:
        file.write(line + b'\n')
    with pytest.raises(ValueError, match=r'list\.jsonl, line 4: expected clip, frames as JSON'):
        journal.read()


def test_two_writers_are_one_too_many(journal, tmp_path):
    other = Journal(journal.path, Record)
    with (
        journal.writing(),
        pytest.raises(BlockingIOError, match='new is being written by another process'),
        other.writing(),
    ):
        pass
    with other.writing():
        other.append(RECORDS[:1])
    assert journal.read() == [*RECORDS, RECORDS[0]]


def test_records_are_on_the_disk_when_it_returns(journal, monkeypatch):
    sizes = []
    with journal.writing():
        monkeypatch.setattr('os.fsync', lambda _: sizes.append(journal.path.stat().st_size))
        before = journal.path.stat().st_size
        journal.append(RECORDS[:1])
    assert sizes == [before + len('{"clip": "a/1", "frames": 3}\n')]
