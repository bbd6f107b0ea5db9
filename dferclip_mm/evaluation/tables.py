"""Tables of compared runs as text, Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from .compare import FEWEST, Compared, Difference, Figure
from .measures import COUNTED

Row = dict[str, Any]


def render(rows: Sequence[Compared], form: str) -> str:
    """The comparison as ``'text'``, ``'markdown'``, ``'latex'`` or ``'csv'``.

    CSV is one table with a row for each run and a column for each number. The others are a table of
    the runs, one of the classes, and one of the tests against the first run.
    """
    if form == 'csv':
        return pd.DataFrame([_flat(row) for row in rows], dtype=object).to_csv(index=False).rstrip()
    write = {'text': _to_text, 'markdown': _to_markdown, 'latex': _to_latex}[form]
    tables = [summary(rows), by_class(rows)] + ([tests(rows)] if len(rows) > 1 else [])
    mark = '% ' if form == 'latex' else ''
    return '\n\n'.join(
        f'{write(table)}\n{fill(caption, 100, initial_indent=mark, subsequent_indent=mark)}'
        for table, caption in tables
    )


def summary(rows: Sequence[Compared]) -> tuple[list[Row], str]:
    """UAR, WAR and F1 of each run, and a caption."""
    table: list[Row] = [
        {
            'run': row.run.name,
            **{name: row.figures[name] for name in COUNTED},
            'checkpoint': row.run.source('selection'),
            'protocol': row.run.source('protocol'),
        }
        for row in rows
    ]
    first = rows[0].run
    subjects = len(set(first.subjects.values()))
    drawn = f'{len(first.labels)} clips' + (f' of {subjects} drawn subjects' if subjects else '')
    caption = f'In percent, with 95 % bootstrap intervals over {drawn}'
    parts = {len(row.run.parts) for row in rows} - {1}
    if parts:
        caption += f'; mean ± standard deviation over {" or ".join(map(str, sorted(parts)))} tests'
    if len(rows) > 1:
        caption += '; marked: significantly above every other run (p < 0.05)'
    return table, caption + '.'


def by_class(rows: Sequence[Compared]) -> tuple[list[Row], str]:
    """The recall of each class in each run, and a caption."""
    labels = [*rows[0].run.labels.values()]
    table: list[Row] = [
        {
            'class': name,
            'clips': labels.count(number),
            **{row.run.name: row.figures[f'recall/{name}'] for row in rows},
        }
        for number, name in enumerate(rows[0].run.parts[0].classes)
        if f'recall/{name}' in rows[0].figures
    ]
    return table, 'Recall of each class.'


def tests(rows: Sequence[Compared]) -> tuple[list[Row], str]:
    """The tests of each run against the first, and a caption."""
    table: list[Row] = []
    for row in rows[1:]:
        for name, difference in row.differences.items():
            cells: Row = {'run': row.run.name, 'figure': name, 'difference': difference}
            cells |= {'p': _p(difference.p), 'McNemar': ''}
            if name == 'WAR' and row.mcnemar:
                only, only_first, p = row.mcnemar
                cells['McNemar'] = f'{only} : {only_first}, p {_p(p)}'
            table.append(cells)
    return table, (
        f'Difference from {rows[0].run.name} on the same clips: 95 % interval and p of the paired '
        'bootstrap; McNemar: clips that only this run, and only the first, got right. p-values are '
        'not corrected for the number of tests.'
    )


def _p(p: float) -> str:
    if np.isnan(p):
        return f'fewer than {FEWEST} drawn'
    return f'{p:.3f}' if p >= 0.001 else '< 0.001'


def _flat(row: Compared) -> dict[str, Any]:
    run = row.run
    found: dict[str, Any] = {
        'run': run.name,
        'clips': len(run.labels),
        'subjects': len(set(run.subjects.values())) or None,
        'tests': len(run.parts),
        'checkpoint': run.source('selection'),
        'protocol': run.source('protocol'),
    }
    differences = {f'{name}_difference': each for name, each in row.differences.items()}
    for name, each in {**row.figures, **differences}.items():
        values = vars(each)
        found |= {name: values['value']}
        found |= {f'{name}_{key}': value for key, value in values.items() if key != 'value'}
    if row.mcnemar:
        names = ('only_this_right', 'only_first_right', 'mcnemar_p')
        found |= dict(zip(names, row.mcnemar, strict=True))
    return found


def _cell(value: Any, bold: Callable[[str], str], plus_minus: str = '±') -> str:
    if isinstance(value, Difference):
        return f'{value.value:+.2f} [{value.low:+.1f}, {value.high:+.1f}]'
    if not isinstance(value, Figure):
        return str(value)
    text = f'{value.value:.2f}'
    if value.std is not None:
        text += f' {plus_minus} {value.std:.2f}'
    return f'{bold(text) if value.best else text} [{value.low:.1f}, {value.high:.1f}]'


def _to_text(rows: Sequence[Row]) -> str:
    cells = [[*rows[0]]]
    cells += [[_cell(value, '{}*'.format) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ['  '.join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return '\n'.join(lines)


def _to_markdown(rows: Sequence[Row]) -> str:
    lines = [[*rows[0]], ['---'] * len(rows[0])]
    lines += [[_cell(value, '**{}**'.format) for value in row.values()] for row in rows]
    cells = [[cell.replace('|', r'\|') for cell in line] for line in lines]
    return '\n'.join(f'| {" | ".join(line)} |' for line in cells) + '\n'


def _to_latex(rows: Sequence[Row]) -> str:
    cells = [
        {
            _escape(key): _escape(value)
            if isinstance(value, str)
            else _cell(value, r'\textbf{{{}}}'.format, r'$\pm$')
            for key, value in row.items()
        }
        for row in rows
    ]
    return '% needs \\usepackage{booktabs}\n' + pd.DataFrame(cells).to_latex(index=False)


def _escape(text: str) -> str:
    special: dict[str, str | int | None] = {each: f'\\{each}' for each in '&%$#_{}'}
    special |= {'\\': r'\textbackslash{}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}'}
    return text.translate(str.maketrans(special)).replace('<', '$<$')
