"""Tables of compared runs as text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill

import numpy as np
import pandas as pd

from .compare import FEWEST, Row, Run
from .measures import COUNTED

# A figure that is marked as the best.
_BEST = re.compile(r'(\d+\.\d\d(?: ± \d+\.\d\d)?)\*(?= \[)')


def render(runs: Sequence[Run], rows: Sequence[Row], form: str) -> str:
    """The rows of `compare` as ``'text'``, ``'markdown'``, ``'latex'`` or ``'csv'``.

    CSV is one table with a row for each run and a column for each number. The others are a table of
    the runs, one of the classes, and one of the tests against the first run.
    """
    if form == 'csv':
        return pd.DataFrame([*rows], dtype=object).to_csv(index=False).rstrip()
    write = {'text': _to_text, 'markdown': _to_markdown, 'latex': _to_latex}[form]
    tables = [summary(rows), by_class(runs, rows)] + ([tests(rows)] if len(rows) > 1 else [])
    mark = '% ' if form == 'latex' else ''
    return '\n\n'.join(
        f'{write(table)}\n{fill(caption, 100, initial_indent=mark, subsequent_indent=mark)}'
        for table, caption in tables
    )


def summary(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """UAR, WAR and F1 of each run, and a caption."""
    table = [
        {
            'run': row['run'],
            **{name: _figure(row, name) for name in COUNTED},
            'checkpoint': row['checkpoint'],
            'protocol': row['protocol'],
        }
        for row in rows
    ]
    subjects = rows[0]['subjects']
    drawn = f'{rows[0]["clips"]} clips' + (f' of {subjects} drawn subjects' if subjects else '')
    caption = f'In percent, with 95 % bootstrap intervals over {drawn}'
    parts = {row['tests'] for row in rows} - {1}
    if parts:
        caption += f'; mean ± standard deviation over {" or ".join(map(str, sorted(parts)))} tests'
    if len(rows) > 1:
        caption += '; marked: significantly above every other run (p < 0.05)'
    return table, caption + '.'


def by_class(runs: Sequence[Run], rows: Sequence[Row]) -> tuple[list[Row], str]:
    """The recall of each class in each run, and a caption."""
    labels = [*runs[0].labels.values()]
    table = [
        {
            'class': name,
            'clips': str(labels.count(number)),
            **{row['run']: _figure(row, f'recall/{name}') for row in rows},
        }
        for number, name in enumerate(runs[0].parts[0].classes)
        if f'recall/{name}' in rows[0]
    ]
    return table, 'Recall of each class.'


def tests(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """The tests of each run against the first, and a caption."""
    table = []
    for row in rows[1:]:
        for name in COUNTED:
            key = f'{name}_difference'
            counted = ''
            if name == 'WAR' and 'mcnemar_p' in row:
                counted = f'{row["only_this_right"]} : {row["only_first_right"]}, p '
                counted += _p(row['mcnemar_p'])
            shown = f'{row[key]:+.2f} [{row[f"{key}_low"]:+.1f}, {row[f"{key}_high"]:+.1f}]'
            cells = {'run': row['run'], 'figure': name, 'difference': shown}
            table.append({**cells, 'p': _p(row[f'{key}_p']), 'McNemar': counted})
    return table, (
        f'Difference from {rows[0]["run"]} on the same clips: 95 % interval and p of the paired '
        'bootstrap; McNemar: clips that only this run, and only the first, got right. p-values are '
        'not corrected for the number of tests.'
    )


def _p(p: float) -> str:
    if np.isnan(p):
        return f'fewer than {FEWEST} drawn'
    return f'{p:.3f}' if p >= 0.001 else '< 0.001'


def _figure(row: Row, name: str) -> str:
    std, best = row[f'{name}_std'], row[f'{name}_best']
    text = f'{row[name]:.2f}' + ('' if std is None else f' ± {std:.2f}') + ('*' if best else '')
    return f'{text} [{row[f"{name}_low"]:.1f}, {row[f"{name}_high"]:.1f}]'


def _to_text(rows: Sequence[Row]) -> str:
    cells = [[*rows[0]], *([*row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ['  '.join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return '\n'.join(lines)


def _to_markdown(rows: Sequence[Row]) -> str:
    lines = [[*rows[0]], ['---'] * len(rows[0]), *([*row.values()] for row in rows)]
    cells = [[_BEST.sub(r'**\1**', cell).replace('|', r'\|') for cell in line] for line in lines]
    return '\n'.join(f'| {" | ".join(line)} |' for line in cells) + '\n'


def _to_latex(rows: Sequence[Row]) -> str:
    text = pd.DataFrame([*rows]).to_latex(index=False, escape=True)
    marked = _BEST.sub(r'\\textbf{\1}', text).replace('<', '$<$').replace('±', r'$\pm$')
    return f'% needs \\usepackage{{booktabs}}\n{marked}'
