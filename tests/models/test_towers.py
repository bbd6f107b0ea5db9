"""open_clip's architectures as both towers, and the page that says so."""

import open_clip
import pytest
from towers import FAMILIES, PAGE, line

ROWS = [row for row in PAGE.read_text(encoding='utf-8').splitlines() if row.startswith('| `')]


@pytest.mark.parametrize(
    'arch',
    ['ViT-B-32', 'RN50-quickgelu', 'ViT-B-16-SigLIP', 'roberta-ViT-B-32'],
)
def test_an_architecture_works_as_the_page_says(arch):
    (written,) = (row for row in ROWS if row.startswith(f'| `{arch}` |'))
    # But for the tags, which open_clip adds to.
    assert line(arch).rsplit(' | ', 1)[0] == written.rsplit(' | ', 1)[0]


def test_the_page_has_a_row_for_each_architecture_of_the_families():
    rows = [row.split('`')[1] for row in ROWS]
    assert rows == [name for names in FAMILIES.values() for name in names.split()]
    assert {*rows} < {*open_clip.list_models()}
