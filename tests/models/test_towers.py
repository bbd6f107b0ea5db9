"""open_clip's architectures as both towers, and the page that says so."""

import pytest
from towers import line, rows


@pytest.mark.parametrize(
    'arch',
    ['ViT-B-32', 'RN50-quickgelu', 'ViT-B-16-SigLIP', 'roberta-ViT-B-32'],
)
def test_an_architecture_works_as_the_page_says(arch):
    (written,) = (row for row in rows() if row.startswith(f'| `{arch}` |'))
    # But for the tags, which open_clip adds to.
    assert line(arch).rsplit(' | ', 1)[0] == written.rsplit(' | ', 1)[0]
