"""The command line: answered before PyTorch is imported, and nothing that is typed is changed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from processes import run_python
from small_runs import TOOLS, TOY, run_tool

# Ask each program for help, as a script, and say what was imported.
ASK = """
import runpy, sys
for program in sys.argv[1:]:
    sys.argv = [program, '--help']
    try:
        runpy.run_path(program, run_name='__main__')
    except SystemExit as end:
        print('code', end.code, 'imported', sorted({'torch', 'dferclip_mm'} & set(sys.modules)))
"""


def test_help_comes_before_pytorch_is_imported() -> None:
    programs = sorted(path for path in TOOLS.glob('*.py') if path.stem != 'arguments')
    done = run_python('-c', ASK, *programs, path=TOOLS)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split('code 0 imported []\n')
    assert said.pop() == ''
    for program, text in zip(programs, said, strict=True):
        assert text.startswith(f'usage: {program.name} ')


@pytest.mark.parametrize(
    ('words', 'found'),
    [
        (['train_cfg.max_epochs', '=', '3'], "'train_cfg.max_epochs'"),
        (['train_cfg.max_epochs=', '3'], "'3'"),
        (['train_cfg.max_epochs', '=3'], "'train_cfg.max_epochs'"),
        (['train_cfg.max_epochs = 3'], "'train_cfg.max_epochs = 3'"),
        (['=3'], "'=3'"),
    ],
)
def test_blanks_around_the_equals_sign_are_refused(
    words: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_tool('train', TOY, '--cfg-options', *words)
    said = f'--cfg-options: expected key=value without blanks around it or "=", found {found}'
    assert said in capsys.readouterr().err


PRINTING = """
from arguments import run_program
{0}

def main():
    with {1}():
        print('a line', flush={2})

run_program(main)
"""


@pytest.mark.parametrize(
    'filled',
    [
        ('from contextlib import nullcontext', 'nullcontext', False),
        ('from dferclip_mm.engine.run import friendly_errors', 'friendly_errors', True),
    ],
)
def test_a_program_whose_reader_has_left_ends_in_silence(filled: tuple) -> None:
    """As in ``compare … | head``."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, '-c', PRINTING.format(*filled)],
        env={**os.environ, 'PYTHONPATH': f'{TOOLS}:{TOOLS.parent}'},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + 13, b'')
