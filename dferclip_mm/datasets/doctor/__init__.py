"""Reads a data set whole before a run does, and says what is wrong with it."""

from .clean import write_clean
from .compare import compare
from .findings import KINDS, Finding, worst
from .listing import Listed, Part, read_part
from .media import ClipFacts, inspect_clip, inspect_clips
from .published import published_clips
from .report import format_report, report_content

__all__ = [
    'KINDS',
    'ClipFacts',
    'Finding',
    'Listed',
    'Part',
    'compare',
    'format_report',
    'inspect_clip',
    'inspect_clips',
    'published_clips',
    'read_part',
    'report_content',
    'worst',
    'write_clean',
]
