"""DFER-CLIP's parts behind every backbone of MMAction2, and the page that says so."""

import pytest
from lengths import LONG, only_long
from mixing import PAGE, ROWS, WAYS, exported, measure, source, ways
from mixing_rows import Row


def page_row(name: str) -> list[str]:
    """The cells of a row of the page, by its first one."""
    lines = PAGE.read_text(encoding='utf-8').splitlines()
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in lines if '|' in line]
    found = [row for row in rows if row[0] == name]
    assert len(found) == 1, f'{name}: {len(found)} rows in {PAGE.name}'
    return found[0]


# One of each form that a backbone's answer has.
QUICK = {
    *('X3D-S', 'VideoMAE, ViT-B/16', 'VideoMAE, return_feat_map=True', 'TSN, MobileNetV2'),
    *('TSM, MobileNetV2', 'CLIPVisualEncoder', 'timm.mobilenetv3_small_100'),
}


@pytest.mark.parametrize(
    ('row', 'way'),
    [
        pytest.param(row, way, marks=[] if row.family in QUICK else only_long)
        for row in ROWS
        for way in ways(row)
    ],
    ids=lambda part: part.family if isinstance(part, Row) else part,
)
def test_trains_and_evaluates_and_the_page_says_so(row, way):
    written = page_row(row.family)
    assert written[1 + WAYS.index(way)] == measure(row, way)
    assert written[-1] == source(row)


# Each takes many seconds; the smallest of them here.
@pytest.mark.parametrize(
    'row',
    ROWS if LONG else [row for row in ROWS if row.family == 'timm.resnet18'],
    ids=lambda row: row.family,
)
def test_is_exported_as_the_page_says(row):
    assert page_row(row.family)[1 + len(WAYS)] == exported(row)
