"""The findings for people and for programs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas

from .findings import KINDS, SEVERITIES, Finding, worst
from .splits import SplitListing


def format_report(splits: Sequence[SplitListing], findings: Sequence[Finding], show: int) -> str:
    """Counts, the table of findings, and some of each kind.

    Args:
        splits: what was read.
        findings: what was found.
        show: how many of a kind to name.
    """
    roots = list(dict.fromkeys(split.folders[0] for split in splits))
    below = f'below {", ".join(roots)}\n\n{_format_counts(splits)}\n\n' if splits else ''
    if not findings:
        return f'{below}nothing was found'
    number = Counter(finding.kind for finding in findings)
    order = sorted(number, key=lambda kind: (-SEVERITIES.index(KINDS[kind].severity), kind))
    width = max(map(len, order))
    table = [f'{"severity":8}  {"finding":{width}}  {"number":>6}  meaning']
    table += [
        f'{KINDS[kind].severity:8}  {kind:{width}}  {number[kind]:6}  {KINDS[kind].meaning}'
        for kind in order
    ]
    blocks = ['\n'.join(table)]
    for kind in order:
        some = [str(finding) for finding in findings if finding.kind == kind]
        more = [f'  and {len(some) - show} more'] if len(some) > show else []
        lines = [f'{KINDS[kind].severity}: {kind}', *(f'  {each}' for each in some[:show]), *more]
        blocks.append('\n'.join(lines))
    text = '\n\n'.join(blocks)
    # What is the same in every line hides what is not.
    for root in roots:
        text = text.replace(f'{root}{os.sep}', '')
    return below + text


def report_content(
    splits: Sequence[SplitListing], findings: Sequence[Finding], config: str
) -> dict[str, Any]:
    """The report for programs, as it goes into a JSON file."""
    return {
        'config': config,
        'severity': worst(findings),
        'splits': [
            {
                'name': split.name,
                'fold': split.dataset.fold,
                'lists': sorted({each.file for each in split.clips}),
                'clips': split.count().total(),
                'published': split.published()[0],
                'classes': {name: split.count()[name] for name in split.classes},
            }
            for split in splits
        ],
        'findings': [
            {
                **asdict(finding),
                'severity': finding.severity,
                'meaning': KINDS[finding.kind].meaning,
            }
            for finding in findings
        ],
    }


def _format_counts(splits: Sequence[SplitListing]) -> str:
    """Clips by class of each split, beside the published numbers where there are any."""
    names = list(dict.fromkeys(name for split in splits for name in split.classes))
    header: list[str] = []
    columns: list[list[Any]] = []
    for split in splits:
        count = split.count()
        header.append(split.title)
        columns.append([*(count[name] for name in names), count.total()])
        total, by_class = split.published()
        if total is not None:
            header.append('published')
            columns.append([*(by_class.get(name, '') for name in names), total])
    rows = [*zip(*columns, strict=True)]
    frame = pandas.DataFrame(rows, [*names, 'all'], pandas.Index(header, name='clips'))
    return frame.to_string()
