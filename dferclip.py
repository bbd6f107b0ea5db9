"""The command ``dferclip``, which runs a program of ``tools/`` wherever the package is.

It lies outside of the package, whose import takes seconds.
"""

from __future__ import annotations

import difflib
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run ``dferclip NAME [options]`` as ``python tools/NAME.py [options]``."""
    here = Path(__file__).parent
    # A wheel has the programs inside the package, for `mim`; a source tree beside it.
    installed = here / 'dferclip_mm' / '.mim' / 'tools'
    folder = installed if installed.is_dir() else here / 'tools'
    names = sorted(path.stem for path in folder.glob('*.py') if path.stem != 'arguments')
    words = sys.argv[1:]
    if not words or words[0] not in names:
        wanted_help = words in (['-h'], ['--help'])
        close = difflib.get_close_matches(words[0], names, n=1) if words else []
        if close:
            print(f'{words[0]} is no program: did you mean {close[0]}?', file=sys.stderr)
        print(
            f'usage: dferclip NAME [options]; NAME is one of {", ".join(names)}',
            file=sys.stdout if wanted_help else sys.stderr,
        )
        sys.exit(0 if wanted_help else 2)
    sys.argv = words
    # The programs share a module.
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / f'{words[0]}.py'), run_name='__main__')
