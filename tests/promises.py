"""Write the table of promises in docs/reliability.md: ``python tests/promises.py``.

A test that holds a promise says so with ``@pytest.mark.promise(area, promise)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / 'docs' / 'reliability.md'
BEGIN = '<!-- written by tests/promises.py -->'
END = '<!-- end of the written table -->'
AREAS = (
    'Models',
    'Datasets',
    'Clips',
    'Lists and prompts',
    'Checkpoints',
    'Resuming',
    'Several processes',
    'Settings and numbers',
    'Untrusted files',
    'Precomputed data',
)


def find_promises() -> Iterator[tuple[str, str, str]]:
    """Area, promise and test of every marker, from the tests' source."""
    for path in sorted((ROOT / 'tests').rglob('test_*.py')):
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            for decorator in getattr(node, 'decorator_list', ()):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
                    '.mark.promise'
                ):
                    area, promise = (ast.literal_eval(argument) for argument in decorator.args)
                    yield area, promise, f'{path.relative_to(ROOT)}::{node.name}'


def table() -> str:
    """The promises as a Markdown table, area by area."""
    rows = sorted(find_promises(), key=lambda row: (AREAS.index(row[0]), row[1]))
    lines = ['| area | promise | test |', '|---|---|---|']
    return '\n'.join([*lines, *(f'| {area} | {text} | `{test}` |' for area, text, test in rows)])


def updated(page: str) -> str:
    """The page with the table of today between its two comment lines."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f'{before}{BEGIN}\n{table()}\n{END}{after}'


if __name__ == '__main__':
    PAGE.write_text(updated(PAGE.read_text(encoding='utf-8')), encoding='utf-8')
