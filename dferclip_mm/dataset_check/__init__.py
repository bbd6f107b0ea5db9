"""Before training: missing, damaged, duplicate or leaking clips, and lists without them.

Open this door to find another fault of datasets, or to change the report.
"""

from .clean import clean_targets, write_clean
from .compare import compare
from .findings import Finding, worst
from .inspect_clips import ClipReport, inspect_clips
from .listing import find_folds, read_split
from .report import format_report, report_content
from .splits import find_openers

__all__ = [
    'ClipReport',
    'Finding',
    'clean_targets',
    'compare',
    'find_folds',
    'find_openers',
    'format_report',
    'inspect_clips',
    'read_split',
    'report_content',
    'worst',
    'write_clean',
]
