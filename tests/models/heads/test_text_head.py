"""What all heads promise that compare clips with texts."""

import open_clip
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

HEADS = ['TextPromptHead', 'VideoTextContrastiveHead', 'PrecomputedTextHead']
ENCODED = pytest.mark.parametrize('head', HEADS[:2], indirect=True)
SCALES = dict(zip(HEADS, (100, 1 / 0.07, 100), strict=True))


@pytest.fixture
def build(tiny_clip):
    def build_head(kind, frozen=True, **kwargs):
        tower = dict(type='CLIPTextEncoder', arch=tiny_clip, frozen=frozen)
        own = dict(embed_dims=32) if kind == HEADS[2] else dict(text_encoder=tower)
        head = MODELS.build(dict(type=kind, classes='dfew') | own | kwargs)
        if kind == HEADS[2]:
            head.text_features.normal_()
        return head

    return build_head


@pytest.fixture
def head(request, build):
    return build(request.param)


def encode(head, texts):
    return F.normalize(head.text_encoder(open_clip.tokenize(texts)), dim=-1)


@pytest.mark.parametrize('head', HEADS, indirect=True)
def test_logits_are_scaled_cosines_in_float32(head):
    video = torch.randn(3, 32)
    text = F.normalize(head.class_features(), dim=-1)
    expected = SCALES[type(head).__name__] * F.normalize(video, dim=-1) @ text.T
    torch.testing.assert_close(head(video), expected, rtol=1e-5, atol=1e-4)
    assert head(video.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize('kind', HEADS)
def test_other_channels_than_those_of_the_text_are_projected(build, kind):
    head = build(kind, in_channels=48)
    assert head(torch.randn(2, 48)).shape == (2, 7)
    with pytest.raises(ValueError, match='expects 48 channels, found 32'):
        head(torch.randn(2, 32))


@pytest.mark.parametrize(('kind', 'own'), [(HEADS[0], dict(num_context=0)), (HEADS[1], {})])
def test_emotions_of_a_compound_weigh_the_same_whatever_their_sentences(build, kind, own):
    table = {'anger': ['one', 'two', 'three'], 'disgust': 'four', 'anger_fear': 'an own sentence'}
    classes = ['anger_disgust', 'disgust', 'anger_fear']
    head = build(kind, classes=classes, prompts=table, **own)
    texts = ['one', 'two', 'three', 'four', 'an own sentence']
    one, two, three, four, own_text = encode(head, texts)
    anger = F.normalize(one + two + three, dim=0)
    expected = torch.stack([F.normalize(anger + four, dim=0), four, own_text])
    torch.testing.assert_close(head.class_features(), expected)


@ENCODED
def test_class_features_are_kept_over_batches_and_follow_another_device(head):
    head.eval()
    with torch.no_grad():
        assert head.class_features() is head.class_features()
        assert head.to('meta').class_features().device.type == 'meta'


@pytest.mark.parametrize('change', ['load', 'data', 'dtype'])
@pytest.mark.parametrize('kind', HEADS[:2])
def test_class_features_are_encoded_again_after_every_change(build, kind, change):
    head = build(kind, frozen=False).eval()
    with torch.no_grad():
        before = head.class_features()
        if change == 'load':
            state = {name: torch.randn_like(value) for name, value in head.state_dict().items()}
            head.load_state_dict(state, assign=True)
        elif change == 'data':
            # EMA writes so; evaluation then switches the mode.
            head.text_encoder.text.text_projection.data.mul_(-1)
            head.eval()
        else:
            head.to(torch.bfloat16).to(torch.float32)
        after = head.class_features()
        assert not torch.equal(before, after)
        assert torch.equal(after, head.train().eval().class_features())


@pytest.mark.parametrize('kind', HEADS[:2])
def test_class_features_follow_a_step_and_gradients_reach_the_text_tower(build, kind):
    head = build(kind, frozen=False).eval()
    with torch.no_grad():
        kept = head.class_features()
    optimizer = torch.optim.SGD(head.parameters(), lr=10.0)
    head(torch.ones(1, 32)).square().sum().backward()
    assert head.text_encoder.text.token_embedding.weight.grad.abs().sum() > 0
    optimizer.step()
    with torch.no_grad():
        assert not torch.equal(head.class_features(), kept)


def test_over_a_frozen_tower_only_the_own_parameters_are_trained(build):
    for kind, own in zip(HEADS[:2], ('prompt_learner.context', 'logit_scale'), strict=True):
        assert [name for name, _ in build(kind).named_parameters()] == [own]


def test_a_negative_prompt_is_subtracted_from_its_class(build):
    texts = [[f'{word} {number}' for number in range(7)] for word in ('a', 'no')]
    settings = dict(zip(('prompts', 'negative_prompts'), texts, strict=True))
    head = build('TextPromptHead', num_context=0, **settings)
    video = torch.randn(3, 32)
    unit = F.normalize(video, dim=-1)
    positive, negative = (unit @ encode(head, each).T for each in texts)
    assert head(video).shape == (3, 7)
    torch.testing.assert_close(head(video), 100 * (positive - negative), rtol=1e-4, atol=1e-4)


def test_distillation_adds_the_divergence_from_the_zero_shot_answer(build):
    words = [f'a face {number}' for number in range(7)]
    head = build('TextPromptHead', distill_weight=0.5, distill_prompts=words)
    video = torch.randn(4, 32)
    samples = [ActionDataSample().set_gt_label(index) for index in range(4)]
    losses = head.loss(video, samples)
    texts = encode(head, words)
    teacher = (100 * F.normalize(video, dim=-1) @ texts.T).softmax(1)
    answer = head(video).softmax(1)
    expected = (teacher * (teacher.log() - answer.log())).sum(1).mean()
    torch.testing.assert_close(losses['loss_distill'], 0.5 * expected, rtol=1e-3, atol=1e-4)
    plain = build('TextPromptHead').loss(video, samples)
    assert set(losses) - set(plain) == {'loss_distill'}


def test_distillation_without_a_frozen_text_tower_is_refused(build):
    with pytest.raises(ValueError, match='needs a frozen text tower'):
        build('TextPromptHead', frozen=False, distill_weight=1.0)


def test_a_temperature_that_turns_answers_round_is_refused(build):
    with pytest.raises(ValueError, match='expected a temperature above 0, found -1'):
        build(HEADS[0], temperature=-1)
