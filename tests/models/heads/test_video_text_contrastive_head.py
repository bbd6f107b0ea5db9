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


@pytest.mark.parametrize('masked', [False, True])
def test_class_descriptions_take_the_captions_place(build, masked):
    """Equal classes are equal texts."""
    head, captioned = (
        build(text_source=source, mask_duplicate_texts=masked)
        for source in ('class_prompts', 'captions')
    )
    captioned.load_state_dict(head.state_dict())
    video, labels = torch.randn(3, 32), [6, 0, 6]
    # A caption that is there is not looked at.
    found = head.loss(video, [sample(label, text='a caption') for label in labels])
    texts = [load_prompts('descriptions', head.classes)[label][0] for label in labels]
    expected = captioned.loss(video, [sample(text=text) for text in texts])
    torch.testing.assert_close(found['loss_contrastive'], expected['loss_contrastive'])


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


def test_long_captions_are_cut_as_clip_cuts_them_and_counted(build, said_by):
    said = said_by('dferclip_mm.models.text.tokens')
    head = build()
    long = ['smile ' * 75, 'smile ' * 76, 'frown ' * 90, 'frown ' * 76]
    tokens = head.caption_tokenizer([*long, *long])
    assert torch.equal(tokens, open_clip.tokenize([*long, *long]))
    # The first fits (frown is two tokens); the other three are told at the 1st and the 2nd.
    assert head.caption_tokenizer.num_cut == 3
    assert [message.split(' captions')[0] for message in said] == ['1', '2']
    assert 'the latest with 180' in said[1]


def test_scale_is_learned_in_its_logarithm_and_clamped(build):
    head = build(init_logit_scale=100.0, max_logit_scale=50.0)
    assert head.logit_scale.item() == pytest.approx(math.log(100))
    video = torch.randn(2, 32)
    assert head(video).abs().max() <= 50 * 1.001
    losses = head.loss(video, [sample(text='a smile'), sample(text='a frown')])
    assert losses['scale'].item() == pytest.approx(50)
    losses['loss_contrastive'].backward()
    assert head.logit_scale.grad.abs() > 0


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


@pytest.mark.parametrize('setting', ['init_logit_scale', 'max_logit_scale'])
def test_a_scale_that_is_not_positive_is_refused(build, setting):
    with pytest.raises(ValueError, match=f'expected .*{setting}=0.* above 0'):
        build(**{setting: 0})
