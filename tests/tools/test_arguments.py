"""The command line: answered before PyTorch is imported, and nothing that is typed is changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
PROGRAMS = sorted(path.stem for path in TOOLS.glob('*.py') if path.stem != 'arguments')
# Run a program as a script, then say whether PyTorch or our package was imported.
ASK = """
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv = {words!r}
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as end:
    print('code', end.code, 'imported', sorted({{'torch', 'dferclip_mm'}} & set(sys.modules)))
"""


def ask(program: str, *words: str) -> str:
    call = [sys.executable, '-c']
    call += [ASK.format(folder=str(TOOLS), words=[str(TOOLS / f'{program}.py'), *words])]
    return subprocess.run(call, text=True, capture_output=True, check=True).stdout


@pytest.mark.parametrize('program', PROGRAMS)
def test_help_comes_before_pytorch_is_imported(program: str) -> None:
    said = ask(program, '--help')
    assert 'usage: ' in said
    assert 'code 0 imported []' in said


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
    words: list[str],
    found: str,
    run_tool: Callable[..., None],
    toy_config: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run_tool('train', toy_config, '--cfg-options', *words)
    said = f'--cfg-options: expected key=value without blanks around it or "=", found {found}'
    assert said in capsys.readouterr().err
