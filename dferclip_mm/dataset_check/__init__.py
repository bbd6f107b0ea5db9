"""Reads a data set whole before a run does, and says what is wrong with it."""

from .clean import clean_targets, write_clean
from .compare import compare
from .findings import KINDS, Finding, worst
from .inspect_clips import ClipReport, inspect_clip, inspect_clips
from .listing import read_part
from .parts import ListedClip, SplitListing, openers_of
from .published import published_clips
from .report import format_report, report_content

__all__ = [
    'KINDS',
    'ClipReport',
    'Finding',
    'ListedClip',
    'SplitListing',
    'clean_targets',
    'compare',
    'format_report',
    'inspect_clip',
    'inspect_clips',
    'openers_of',
    'published_clips',
    'read_part',
    'report_content',
    'worst',
    'write_clean',
]
