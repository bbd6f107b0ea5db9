import math

import open_clip
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from dferclip_mm.prompts import load_prompts


@pytest.fixture
def build(tiny_clip):
    def build_head(frozen=True, **kwargs):
        cfg = dict(
            type='VideoTextContrastiveHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', arch=tiny_clip, frozen=frozen),
        )
        return MODELS.build({**cfg, **kwargs})

    return build_head


def sample(label=0, text=None, name='clip'):
    made = ActionDataSample(metainfo=dict(filename=name)).set_gt_label(label)
    if text is not None:
        made.set_field(text, 'text')
    return made


def encode(head, texts):
    return F.normalize(head.text_encoder(open_clip.tokenize(texts)), dim=-1)


CAPTIONS = ['a smile', 'wide eyes and a falling jaw', 'a frown', 'a smile']


def test_the_loss_is_that_of_clip(build):
    head = build()
    video = torch.randn(4, 32)
    found = head.loss(video, [sample(text=text) for text in CAPTIONS])
    logits = F.normalize(video, dim=-1) @ encode(head, CAPTIONS).T / 0.07
    order = torch.arange(4)
    expected = (F.cross_entropy(logits, order) + F.cross_entropy(logits.T, order)) / 2
    torch.testing.assert_close(found['loss_contrastive'], expected)
    assert found['scale'] == pytest.approx(1 / 0.07)


def test_equal_texts_are_no_negatives(build):
    head = build(mask_duplicate_texts=True)
    video = torch.randn(4, 32)
    found = head.loss(video, [sample(text=text) for text in CAPTIONS])['loss_contrastive']
    logits = (F.normalize(video, dim=-1) @ encode(head, CAPTIONS).T / 0.07).double()
    total = 0.0
    for scores in (logits, logits.T):
        for row in range(4):
            rivals = [j for j in range(4) if j == row or CAPTIONS[j] != CAPTIONS[row]]
            total -= (scores[row, row] - scores[row, rivals].exp().sum().log()).item() / 8
    assert found.item() == pytest.approx(total, abs=1e-5)


def test_class_descriptions_take_the_captions_place(build):
    head = build(text_source='class_prompts')
    video, labels = torch.randn(3, 32), [6, 0, 6]
    # A caption that is there is not looked at.
    found = head.loss(video, [sample(label, text='a caption') for label in labels])
    texts = [load_prompts('descriptions', head.classes)[label][0] for label in labels]
    captioned = build()
    captioned.load_state_dict(head.state_dict())
    expected = captioned.loss(video, [sample(text=text) for text in texts])
    torch.testing.assert_close(found['loss_contrastive'], expected['loss_contrastive'])


def test_equal_classes_are_equal_texts(build):
    apart, together = (
        build(text_source='class_prompts'),
        build(text_source='class_prompts', mask_duplicate_texts=True),
    )
    together.load_state_dict(apart.state_dict())
    video = torch.randn(3, 32)
    different = [sample(label) for label in (0, 1, 2)]
    torch.testing.assert_close(
        apart.loss(video, different)['loss_contrastive'],
        together.loss(video, different)['loss_contrastive'],
    )
    alike = [sample(label) for label in (5, 1, 5)]
    losses = [head.loss(video, alike)['loss_contrastive'].item() for head in (apart, together)]
    assert abs(losses[0] - losses[1]) > 1e-3


@pytest.mark.parametrize('text', [None, '', '  '])
def test_a_clip_without_caption_is_refused_by_name(build, text):
    samples = [sample(text='a smile'), sample(text=text, name='/data/00007')]
    with pytest.raises(ValueError, match='/data/00007 has no caption to train on'):
        build().loss(torch.randn(2, 32), samples)


def test_a_clip_without_caption_takes_the_prompts_of_its_class_on_demand(build):
    head = build(fill_captions=True)
    video = torch.randn(3, 32)
    found = head.loss(video, [sample(text=''), sample(text='a smile'), sample(2)])
    names = load_prompts('descriptions', head.classes)
    texts = [names[0][0], 'a smile', names[2][0]]
    expected = head.loss(video, [sample(text=text) for text in texts])
    torch.testing.assert_close(found['loss_contrastive'], expected['loss_contrastive'])


@pytest.fixture
def said(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'dferclip_mm.models.text.tokens.print_log',
        lambda message, **_: messages.append(message),
    )
    return messages


def test_long_captions_are_cut_as_clip_cuts_them_and_counted(build, said):
    head = build()
    long = ['smile ' * 75, 'smile ' * 76, 'frown ' * 90, 'frown ' * 76]
    tokens = head.caption_tokenizer([*long, *long])
    assert torch.equal(tokens, open_clip.tokenize([*long, *long]))
    # The first fits (frown is two tokens); the other three are told at the 1st and the 2nd.
    assert head.caption_tokenizer.num_cut == 3
    assert [message.split(' captions')[0] for message in said] == ['1', '2']
    assert 'the latest with 180' in said[1]


def test_long_captions_are_refused_on_demand(build):
    head = build(truncate=False)
    with pytest.raises(ValueError, match=r'the caption .* has 80 tokens, but 75 fit'):
        head.loss(torch.randn(1, 32), [sample(text='smile ' * 80)])


def test_scale_is_learned_in_its_logarithm_and_clamped(build):
    head = build(init_logit_scale=100.0, max_logit_scale=50.0)
    assert head.logit_scale.item() == pytest.approx(math.log(100))
    video = torch.randn(2, 32)
    assert head(video).abs().max() <= 50 * 1.001
    losses = head.loss(video, [sample(text='a smile'), sample(text='a frown')])
    assert losses['scale'].item() == pytest.approx(50)
    losses['loss_contrastive'].backward()
    assert head.logit_scale.grad.abs() > 0
    for name in ('init_logit_scale', 'max_logit_scale'):
        with pytest.raises(ValueError, match=f'expected {name} above 0'):
            build(**{name: 0})


def test_only_the_scale_is_trained_over_a_frozen_tower(build):
    assert [name for name, _ in build().named_parameters()] == ['logit_scale']
    trained = build(frozen=False)
    head_loss = trained.loss(torch.randn(2, 32), [sample(text='a smile'), sample(text='a frown')])
    head_loss['loss_contrastive'].backward()
    grads = {name: p.grad for name, p in trained.named_parameters()}
    assert all(grad is not None for grad in grads.values())


@pytest.mark.parametrize('frozen', [True, False])
def test_prediction_is_the_scaled_cosine(build, frozen):
    head = build(frozen=frozen, prompts='expression_template').eval()
    texts = [group[0] for group in load_prompts('expression_template', head.classes)]
    video = torch.randn(3, 32)
    expected = F.normalize(video, dim=-1) @ encode(head, texts).T / 0.07
    torch.testing.assert_close(head(video), expected, rtol=1e-5, atol=1e-5)
    predicted = head.predict(video, [sample() for _ in range(3)])
    torch.testing.assert_close(predicted[2].pred_score, expected[2].softmax(-1))


def test_emotions_of_a_compound_weigh_the_same_whatever_their_sentences(build):
    table = {'anger': ['one', 'two', 'three'], 'disgust': 'four', 'anger_fear': 'an own sentence'}
    classes = ['anger_disgust', 'disgust', 'anger_fear']
    texts = ['one', 'two', 'three', 'four', 'an own sentence']
    for kind, extra in (('VideoTextContrastiveHead', {}), ('TextPromptHead', dict(num_context=0))):
        head = build(type=kind, classes=classes, prompts=table, **extra)
        one, two, three, four, own = encode(head, texts)
        anger = F.normalize(one + two + three, dim=0)
        expected = torch.stack([F.normalize(anger + four, dim=0), four, own])
        torch.testing.assert_close(head.class_features(), expected)


def test_any_words_at_evaluation_with_the_same_checkpoint(build):
    trained = build()
    with torch.no_grad():
        trained.logit_scale.fill_(1.0)
    prompts = ['a bored face', 'a proud face']
    other = build(classes=['boredom', 'pride'], prompts=prompts)
    other.load_state_dict(trained.state_dict(), strict=True)
    video = torch.randn(2, 32)
    expected = math.e * F.normalize(video, dim=-1) @ encode(trained, prompts).T
    torch.testing.assert_close(other(video), expected)
    trained.set_vocabulary(['boredom', 'pride'], prompts)
    torch.testing.assert_close(trained(video), expected)
    assert trained.num_classes == 2


def test_classes_may_come_from_the_data(build):
    head = build(classes=None)
    with pytest.raises(ValueError, match='classes=None and the run did not set them'):
        head(torch.randn(1, 32))
    head.set_vocabulary(['anger_disgust', 'fear'])
    assert head(torch.randn(1, 32)).shape == (1, 2)


def encodings(head, monkeypatch):
    """How often the text tower runs."""
    counted = []
    real = head.text_encoder.forward
    monkeypatch.setattr(
        head.text_encoder, 'forward', lambda tokens: counted.append(1) or real(tokens)
    )
    return counted


def test_classes_are_encoded_once_for_all_batches(build, monkeypatch):
    head = build(frozen=False).eval()
    counted = encodings(head, monkeypatch)
    with torch.no_grad():
        first, second = head(torch.ones(1, 32)), head(torch.ones(1, 32))
    assert len(counted) == 1
    assert torch.equal(first, second)


@pytest.mark.parametrize('change', ['load', 'data', 'dtype', 'words'])
def test_classes_are_encoded_again_after_every_change(build, change):
    head = build(frozen=False).eval()
    weight = head.text_encoder.text.token_embedding.weight
    with torch.no_grad():
        before = head(torch.ones(1, 32))
        if change == 'load':
            state = {name: value + 0.5 for name, value in head.state_dict().items()}
            head.load_state_dict({**state, 'logit_scale': head.logit_scale.detach().clone()})
        elif change == 'data':
            # As the EMA hook writes; evaluation then switches the mode.
            weight.data.add_(0.5)
            head.eval()
        elif change == 'dtype':
            head.to(torch.bfloat16).to(torch.float32)
        else:
            head.set_vocabulary('dfew', 'expression_template')
        after = head(torch.ones(1, 32))
        head.train().eval()
        anew = head(torch.ones(1, 32))
    assert not torch.equal(before, after)
    assert torch.equal(after, anew)


def test_training_gradients_reach_the_text_tower_after_evaluation(build):
    head = build(frozen=False, text_source='class_prompts').eval()
    with torch.no_grad():
        head(torch.ones(1, 32))
    head.train()
    head.loss(torch.randn(2, 32), [sample(0), sample(1)])['loss_contrastive'].backward()
    assert head.text_encoder.text.token_embedding.weight.grad.abs().sum() > 0


def test_other_channels_than_those_of_the_output_are_projected(build):
    head = build(in_channels=48)
    assert head(torch.randn(2, 48)).shape == (2, 7)
    with pytest.raises(ValueError, match='expects 48 channels, found 32'):
        head(torch.randn(2, 32))


def test_bfloat16_features_answer_in_float32(build):
    video = torch.randn(2, 32, dtype=torch.bfloat16)
    head = build()
    assert head(video).dtype == torch.float32
    loss = head.loss(video, [sample(text='a smile'), sample(text='a frown')])
    assert loss['loss_contrastive'].dtype == torch.float32
