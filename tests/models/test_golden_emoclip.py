"""Equal to the original EmoCLIP, through the converter and the configs that users run."""

import pytest
from golden_cases import GOLDEN, TOLERANCE, emoclip_deviations


@pytest.mark.promise('Models', 'EmoCLIP has the logits, loss and regression of the original code')
@pytest.mark.parametrize('name', GOLDEN['emoclip'])
def test_emoclip_answers_as_the_original(name, tmp_path):
    found = emoclip_deviations(GOLDEN['emoclip'][name], tmp_path)
    assert set(found) == {'logits', 'loss', 'downstream'}
    for quantity, value in found.items():
        assert value <= TOLERANCE['emoclip'][quantity], quantity
