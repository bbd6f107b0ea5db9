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


def plain_features(encoder, context_of, texts, num_context, position):
    """All 77 tokens of one prompt after the other, spliced by hand, through the whole tower."""
    text = encoder.text
    features = []
    for number, sentence in enumerate(texts):
        words = open_clip.tokenize([' '.join(['X'] * num_context) + ' ' + sentence], 77)
        end = int(words.argmax())
        embedded = text.token_embedding(words)[0]
        start, body = embedded[:1], embedded[1 + num_context : end]
        tail, context = embedded[end:], context_of(number)
        half = num_context // 2
        order = {
            'end': [start, context, body, tail],
            'middle': [start, context[:half], body, context[half:], tail],
            'front': [start, body, context, tail],
        }[position]
        x = torch.cat(order)[None] + text.positional_embedding
        x = text.transformer(x, attn_mask=text.attn_mask)
        features.append(text.ln_final(x)[0, end] @ text.text_projection)
    return torch.stack(features)


@pytest.mark.parametrize('num_context', [1, 3, 8])
@pytest.mark.parametrize('class_specific', [True, False])
@pytest.mark.parametrize('position', ['end', 'middle', 'front'])
def test_equals_all_77_tokens_spliced_by_hand(encoder, position, class_specific, num_context):
    # Double precision: what is compared is the arithmetic, not the order of its rounding.
    encoder.double()
    learner = PromptLearner(
        [[text] for text in TEXTS], encoder, num_context, class_specific, position
    ).double()
    context = learner.context
    assert context.shape == ((3, num_context, 32) if class_specific else (num_context, 32))

    def context_of(number):
        return context[number] if class_specific else context

    expected = plain_features(encoder, context_of, TEXTS, num_context, position)
    weights = torch.randn_like(expected)
    (expected_grad,) = torch.autograd.grad((expected * weights).sum(), context)
    features = learner(encoder)
    torch.testing.assert_close(features, expected)
    (grad,) = torch.autograd.grad((features * weights).sum(), context)
    torch.testing.assert_close(grad, expected_grad)


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


def test_layouts():
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


def test_longest_prompt_that_fits(encoder):
    learner = PromptLearner([['word ' * 67]], encoder, num_context=8)
    assert learner.tokens.shape == (1, 77)
    assert learner(encoder).isfinite().all()
