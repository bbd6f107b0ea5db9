"""Equal to the original code, through the converter and the configs that users run."""

import pytest
from golden_cases import DEVIATIONS, GOLDEN, TOLERANCE


def check(method, name, folder):
    found = DEVIATIONS[method](GOLDEN[method][name], folder)
    for quantity, value in found.items():
        assert value <= TOLERANCE[method][quantity], quantity
    return set(found)


@pytest.mark.promise(
    'Models', 'DFER-CLIP has the logits, loss, gradients and SGD steps of the original code'
)
@pytest.mark.parametrize('name', GOLDEN['dferclip'])
def test_dferclip_answers_as_the_original(name, tmp_path):
    found = check('dferclip', name, tmp_path)
    assert ('SGD losses' in found) == (name == 'end_specific')


@pytest.mark.promise('Models', 'EmoCLIP has the logits, loss and regression of the original code')
@pytest.mark.parametrize('name', GOLDEN['emoclip'])
def test_emoclip_answers_as_the_original(name, tmp_path):
    assert check('emoclip', name, tmp_path) == {'logits', 'loss', 'downstream'}
