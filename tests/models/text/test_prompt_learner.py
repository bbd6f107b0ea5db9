import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.text import PromptLearner
from dferclip_mm.models.text.prompt_learner import context_layout


@pytest.fixture
def encoder(tiny_clip):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip))


def parts_of(*groups):
    return [{f'class {number}': group} for number, group in enumerate(groups)]


@pytest.mark.parametrize(
    ('kwargs', 'encoded'),
    [(dict(num_context=0), 2), (dict(class_specific=False), 2), (dict(class_specific=True), 3)],
)
def test_an_emotion_that_classes_share_is_encoded_once_if_its_context_is_shared(
    encoder, kwargs, encoded
):
    parts = [{'anger': ['a frown'], 'fear': ['wide eyes']}, {'fear': ['wide eyes']}]
    learner = PromptLearner(parts, encoder, **kwargs)
    assert len(learner.tokens) == encoded
    features = torch.eye(encoded)
    half = 0.5**0.5
    expected = torch.zeros(2, encoded)
    expected[0, :2] = half
    expected[1, -1] = 1
    torch.testing.assert_close(learner.average(features), expected)


def test_the_context_stands_where_the_position_says():
    rows = {
        'end': '0111000',
        'middle': '0100110',
        'front': '0001110',
    }
    for position, row in rows.items():
        layout = context_layout([2], 3, position)
        assert ''.join(str(int(x)) for x in layout[0]) == row


@pytest.mark.parametrize(
    ('sentences', 'kwargs', 'message'),
    [
        ([['word ' * 70]], dict(num_context=8), r'has 70 tokens, but only 67 of 77'),
        ([['a']], dict(context_position='back'), "context_position='back': expected one of end"),
    ],
)
def test_bad_prompts_are_explained(encoder, sentences, kwargs, message):
    with pytest.raises(ValueError, match=message):
        PromptLearner(parts_of(*sentences), encoder, **kwargs)


def test_the_longest_prompt_fits(encoder):
    learner = PromptLearner(parts_of(['word ' * 67]), encoder, num_context=8)
    assert learner.tokens.shape == (1, 77)
    assert learner(encoder).isfinite().all()
