import open_clip
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@pytest.fixture
def build(tiny_clip):
    def build_head(**kwargs):
        text = dict(type='CLIPTextEncoder', arch=tiny_clip)
        cfg = dict(type='ExpCLIPHead', classes='dfew', text_encoder=text, projection_dims=24)
        return MODELS.build({**cfg, **kwargs})

    return build_head


def sample(features):
    made = ActionDataSample(metainfo=dict(filename='/data/00007'))
    if features is not None:
        made.set_field(features, 'text_features')
    return made


def unit(matrix, features):
    return F.normalize(features @ matrix.T, dim=-1)


def test_a_class_has_the_mean_logit_of_its_sentences(build):
    """As the original: each sentence is projected and normalised, the logits are averaged."""
    sentences = {'a': ['a smile', 'a grin on a face'], 'b': ['a frown', 'a scowl', 'an angry look']}
    head = build(classes=list(sentences), prompts=sentences).eval()
    matrix, video = head.projection.weight, torch.randn(3, 32)
    expected = [
        (100 * unit(matrix, video) @ unit(matrix, encoded).T).mean(1)
        for texts in sentences.values()
        for encoded in [head.text_encoder(open_clip.tokenize(texts))]
    ]
    torch.testing.assert_close(head(video), torch.stack(expected, 1))


def test_the_matrix_alone_is_stored_and_serves_any_words(build):
    trained = build()
    own = [name for name in trained.state_dict() if not name.startswith('text_encoder')]
    assert own == ['projection.weight']
    assert [name for name, _ in trained.named_parameters()] == own
    other = build(classes=None)
    other.load_state_dict(trained.state_dict(), strict=True)
    other.set_vocabulary(['boredom', 'pride'], 'class_names')
    assert other(torch.randn(1, 32)).shape == (1, 2)


def test_the_loss_is_that_of_clip_against_the_language_models_features(build):
    head = build()
    video, told = torch.randn(4, 32), torch.randn(4, 24)
    found = head.loss(video, [sample(each) for each in told])['loss_contrastive']
    logits = 100 * unit(head.projection.weight, video) @ F.normalize(told, dim=-1).T
    order = torch.arange(4)
    expected = (F.cross_entropy(logits, order) + F.cross_entropy(logits.T, order)) / 2
    torch.testing.assert_close(found, expected)
    found.backward()
    assert head.projection.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('features', 'held'), [(None, 'none'), (torch.zeros(9), r'the shape \(9,\)')]
)
def test_clips_without_fitting_features_are_refused_by_name(build, features, held):
    with pytest.raises(ValueError, match=f'/data/00007: .* of 24 numbers, found {held}'):
        build().loss(torch.randn(2, 32), [sample(torch.zeros(24)), sample(features)])


def test_settings_of_heads_for_labels_are_refused(build):
    with pytest.raises(ValueError, match=r'ExpCLIPHead has a contrastive .* cls_head\.loss_cls'):
        build(loss_cls=dict(type='CrossEntropyLoss'))
