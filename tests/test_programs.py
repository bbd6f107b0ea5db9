"""The command ``dferclip``."""

from __future__ import annotations

import sys

import pytest

from dferclip import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit code."""
    monkeypatch.setattr('sys.argv', ['dferclip', *words])
    monkeypatch.setattr('sys.path', [*sys.path])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code


def test_a_program_is_run_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, 'analyze', '--help') == 0
    assert capsys.readouterr().out.startswith('usage: analyze.py [-h] --model CONFIG')
    assert run(monkeypatch, 'analyze', 'a.mp4') == 2
    assert 'the following arguments are required: --model' in capsys.readouterr().err


@pytest.mark.parametrize(('words', 'code'), [((), 2), (('crops',), 2), (('--help',), 0)])
def test_the_programs_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple, code: int
) -> None:
    assert run(monkeypatch, *words) == code
    said = capsys.readouterr()
    assert 'NAME is one of analyze, ' in (said.err if code else said.out)
    assert 'arguments' not in said.out + said.err
