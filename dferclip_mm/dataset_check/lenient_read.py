"""The rows of a list, and a finding for each line that is not one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..datasets.list_text import ListError
from .findings import Finding

# More wrong lines than this: the list has another form.
MAX_LINES = 100


def split_errors(rows: Iterable[Any]) -> tuple[list[Any], list[Finding]]:
    """The rows that can be read, and the findings of the others.

    Args:
        rows: of a list, each a row or a `ListError`.

    Returns:
        The rows, none of a list with more than `MAX_LINES` wrong lines; and the findings.
    """
    read, errors = [], []
    for row in rows:
        if isinstance(row, ListError):
            errors.append(row)
        else:
            read.append(row)
    findings = [find_error(error) for error in errors[:MAX_LINES]]
    if len(errors) <= MAX_LINES:
        return read, findings
    message = f'{len(errors)} wrong lines, the first {MAX_LINES} are named: a list of another form?'
    return [], [*findings, Finding('settings', message, '', ((errors[0].file, 0),))]


def find_error(error: ListError) -> Finding:
    """The finding of a line, or of a record of several lines, that cannot be read."""
    lines = range(error.line, max(error.line, error.last_line) + 1)
    return Finding('list line', error.reason, '', tuple((error.file, line) for line in lines))
