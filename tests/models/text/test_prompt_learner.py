import open_clip
import pytest
import torch
from mmaction.registry import MODELS

from dferclip_mm.models.text import PromptLearner
from dferclip_mm.models.text.prompt_learner import context_layout

TEXTS = ['a smile.', 'brows drawn together over a hard stare.', 'wide eyes.']


@pytest.fixture
def encoder(tiny_clip):
    return MODELS.build(dict(type='CLIPTextEncoder', arch=tiny_clip))


def test_no_context_is_plain_clip(encoder):
    learner = PromptLearner([[text] for text in TEXTS], encoder, num_context=0)
    assert list(learner.parameters()) == []
    torch.testing.assert_close(learner(encoder), encoder(open_clip.tokenize(TEXTS)))


def test_sentences_of_a_class_share_its_context(encoder):
    learner = PromptLearner([['one', 'two words'], ['three']], encoder, num_context=2)
    assert learner.context.shape == (2, 2, 32)
    assert learner.class_index.tolist() == [0, 0, 1]
    single = PromptLearner([['two words'], ['three']], encoder, num_context=2)
    single.load_state_dict(learner.state_dict())
    torch.testing.assert_close(learner(encoder)[1:], single(encoder))


def test_context_starts_small(encoder):
    learner = PromptLearner([['a']] * 20, encoder, num_context=16)
    assert learner.context.std().item() == pytest.approx(0.02, rel=0.05)


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
        ([['a', ' ']], dict(), "expected a sentence, found ' '"),
    ],
)
def test_bad_prompts_are_explained(encoder, sentences, kwargs, message):
    with pytest.raises(ValueError, match=message):
        PromptLearner(sentences, encoder, **kwargs)


def test_the_longest_prompt_fits(encoder):
    learner = PromptLearner([['word ' * 67]], encoder, num_context=8)
    assert learner.tokens.shape == (1, 77)
    assert learner(encoder).isfinite().all()
