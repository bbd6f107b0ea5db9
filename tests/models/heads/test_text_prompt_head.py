import open_clip
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from dferclip_mm.prompts import load_prompts


@pytest.fixture
def build(tiny_clip):
    def build_head(**kwargs):
        cfg = dict(
            type='TextPromptHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', arch=tiny_clip),
        )
        return MODELS.build({**cfg, **kwargs})

    return build_head


def samples(*labels):
    return [ActionDataSample().set_gt_label(label) for label in labels]


@pytest.mark.parametrize('prompts', ['class_names', 'expression_template', 'descriptions'])
def test_without_context_equals_clip_zero_shot(build, prompts):
    head = build(prompts=prompts, num_context=0)
    texts = [group[0] for group in load_prompts(prompts, head.classes)]
    text = F.normalize(head.text_encoder(open_clip.tokenize(texts)), dim=-1)
    video = torch.randn(3, 32)
    expected = 100 * F.normalize(video, dim=-1) @ text.T
    torch.testing.assert_close(head(video), expected, rtol=1e-5, atol=1e-4)


def test_ensemble_is_the_mean_direction(build):
    head = build(classes=['a', 'b'], prompts={'a': ['one', 'two'], 'b': 'three'}, num_context=0)
    text = F.normalize(head.text_encoder(open_clip.tokenize(['one', 'two', 'three'])), dim=-1)
    expected = torch.stack([F.normalize(text[0] + text[1], dim=0), text[2]])
    torch.testing.assert_close(head.class_features(), expected)


@pytest.mark.parametrize('shape', [(2, 32), (2, 32, 3, 3), (2, 32, 4, 3, 3)])
def test_the_head_takes_vectors_and_maps(build, shape):
    assert build()(torch.randn(shape)).shape == (2, 7)


def test_segments_of_the_2d_recognizer_are_averaged(build):
    head = build()
    maps = torch.randn(6, 32, 2, 2)
    expected = head(maps.mean((2, 3)).reshape(2, 3, 32).mean(1))
    torch.testing.assert_close(head(maps, num_segs=3), expected)


def test_other_channels_than_those_of_the_output_are_projected(build):
    head = build(in_channels=48)
    assert head(torch.randn(2, 48)).shape == (2, 7)
    with pytest.raises(ValueError, match='expects 48 channels, found 32'):
        head(torch.randn(2, 32))


def test_loss_and_prediction_with_mmaction2_samples(build):
    head = build()
    video = torch.randn(2, 32)
    losses = head.loss(video, samples(3, 6))
    torch.testing.assert_close(
        losses['loss_cls'], F.cross_entropy(head(video), torch.tensor([3, 6]))
    )
    assert set(losses) == {'loss_cls', 'top1_acc'}
    predicted = head.predict(video, samples(3, 6))
    torch.testing.assert_close(predicted[1].pred_score, head(video)[1].softmax(-1))


def test_views_are_averaged_as_asked(build):
    video = torch.randn(6, 32)
    for how in ('prob', 'score'):
        head = build(average_clips=how)
        scores = head(video)
        scores = scores.softmax(-1) if how == 'prob' else scores
        expected = scores.reshape(2, 3, 7).mean(1)
        predicted = head.predict(video, samples(0, 1))
        torch.testing.assert_close(torch.stack([s.pred_score for s in predicted]), expected)


def test_only_the_context_is_trained(build):
    assert [name for name, _ in build().named_parameters()] == ['prompt_learner.context']


def test_bfloat16_features_answer_in_float32(build):
    assert build()(torch.randn(2, 32, dtype=torch.bfloat16)).dtype == torch.float32


def test_sequences_are_refused_with_the_remedy(build):
    with pytest.raises(ValueError, match='put a TemporalTransformer in between'):
        build()(torch.randn(2, 4, 32))


def test_class_without_prompt_stops_the_build(build):
    with pytest.raises(ValueError, match="no prompt for the class 'boredom'"):
        build(classes=['happiness', 'boredom'])


def test_class_features_are_kept_in_evaluation_until_weights_are_loaded(build):
    head = build(num_context=4).eval()
    with torch.no_grad():
        kept = head.class_features()
        assert head.class_features() is kept
        state = {key: torch.randn_like(value) for key, value in head.state_dict().items()}
        head.load_state_dict(state, assign=True)
        assert not torch.equal(head.class_features(), kept)


def test_class_features_follow_weights_that_were_written_before_evaluation(build):
    """EMA writes through ``.data``."""
    head = build(num_context=4).eval()
    with torch.no_grad():
        kept = head.class_features()
        head.text_encoder.text.text_projection.data.mul_(-1)
        assert torch.equal(head.eval().class_features(), -kept)


def test_class_features_follow_another_device(build):
    head = build(num_context=4).eval()
    with torch.no_grad():
        head.class_features()
        assert head.to('meta').class_features().device.type == 'meta'


def test_class_features_are_encoded_anew_while_the_context_learns(build):
    head = build(num_context=4).eval()
    with torch.no_grad():
        kept = head.class_features()
    optimizer = torch.optim.SGD(head.parameters(), lr=10.0)
    head(torch.ones(1, 32)).square().sum().backward()
    optimizer.step()
    with torch.no_grad():
        assert not torch.equal(head.class_features(), kept)
