from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from dferclip_mm.explain.clip import Clip, UndefinedError, predict
from dferclip_mm.explain.words import near_words, sentence_effects, text_similarity


def test_a_context_vector_that_is_a_word_has_it_as_the_nearest(model: Any) -> None:
    head = model.cls_head
    (token,) = head.text_encoder.tokenizer.encode('smile')
    with torch.no_grad():
        word = head.text_encoder.text.token_embedding.weight[token]
        head.prompt_learner.context[2, 1] = -3 * word
        head.prompt_learner.context[2, 3] = 5 * word
    found = near_words(model, count=2)
    assert found.shape == (7 * 4 * 2, 4)
    assert list(found.columns) == ['class', 'position', 'word', 'cosine']
    row = found.iloc[(2 * 4 + 3) * 2]
    assert tuple(row)[:3] == (head.classes[2], 3, 'smile')
    assert row['cosine'] == pytest.approx(1)
    assert 'smile' not in set(found[found['position'] == 1]['word'])


def test_context_of_all_classes_belongs_to_none_and_prompts_without_context_have_no_vectors(
    tiny_model: dict,
) -> None:
    tiny_model['cls_head']['class_specific'] = False
    found = near_words(MODELS.build(tiny_model), count=1)
    assert found['class'].tolist() == [''] * 4
    tiny_model['cls_head']['num_context'] = 0
    with pytest.raises(UndefinedError, match='no learned context'):
        near_words(MODELS.build(tiny_model))


def test_similarity_of_texts_is_the_cosine_of_their_features(model: Any) -> None:
    found = text_similarity(model)
    features = model.cls_head.encode_classes().detach()
    expected = F.cosine_similarity(features[1], features[4], dim=0)
    assert found.shape == (7, 7)
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-6)
    assert found[1, 4] == found[4, 1] == pytest.approx(float(expected), abs=1e-6)


def test_the_effect_of_a_sentence_is_the_score_without_it(tiny_model: dict, clip: Clip) -> None:
    sentences = [['a smile', 'raised cheeks'], ['a frown'], ['a still face', 'level brows']]
    names = ['happiness', 'anger', 'neutral']

    def build(prompts: list[list[str]]) -> Any:
        torch.manual_seed(1)
        head = dict(tiny_model['cls_head'], classes=names, prompts=prompts, num_context=0)
        return MODELS.build({**tiny_model, 'cls_head': head}).eval()

    model, without = build(sentences), build([['a smile'], *sentences[1:]])
    without.load_state_dict(model.state_dict())
    found = sentence_effects(model, clip)
    assert found['class'].tolist() == ['happiness', 'happiness', 'neutral', 'neutral']
    assert found['sentence'].tolist() == [*sentences[0], *sentences[2]]
    with torch.no_grad():
        pixels = clip.inputs[None].float() / 255
        scores = [each(pixels, stage='head')[0].softmax(-1)[0] for each in (model, without)]
        video = model(pixels, stage='neck')[0]
        encoder = model.cls_head.text_encoder
        text = encoder(encoder.tokenizer(['a smile']))
    assert found['effect'][1] == pytest.approx(float(scores[0] - scores[1]), abs=1e-5)
    cosine = F.cosine_similarity(video, text[0], dim=0)
    assert found['cosine'][0] == pytest.approx(float(cosine), abs=1e-5)
    alone = build([['a smile'], ['a frown'], ['a still face']])
    with pytest.raises(UndefinedError, match='no class of the head has several sentences'):
        sentence_effects(alone, clip)


def test_negative_prompts_count_against_their_class(tiny_model: dict, clip: Clip) -> None:
    negative = [['a frown', 'tight lips'], ['a smile'], ['a scream']]
    names = ['happiness', 'anger', 'neutral']
    tiny_model['cls_head'].update(
        classes=names, prompts=['a smile', 'a frown', 'a still face'], negative_prompts=negative
    )
    model = MODELS.build(tiny_model).eval()
    assert near_words(model, 1)['class'].unique().tolist() == [
        *names,
        'not happiness',
        'not anger',
        'not neutral',
    ]
    assert text_similarity(model).shape == (6, 6)
    found = sentence_effects(model, clip)
    assert found['class'].tolist() == ['not happiness'] * 2
    with torch.no_grad():
        video = model(clip.inputs[None].float() / 255, stage='neck')[0]
        texts = model.cls_head.class_features()
        learner, encoder = model.cls_head.prompt_learner, model.cls_head.text_encoder
        sentences = encoder.encode(learner.embed(encoder), learner.end)
        # Without 'tight lips', 'a frown' alone.
        changed = torch.stack([*texts[:3], F.normalize(sentences[3], dim=0), *texts[4:]])
        video = F.normalize(video, dim=-1)
        before, after = (100 * (video @ (each[:3] - each[3:]).T) for each in (texts, changed))
    expected = (before.softmax(-1) - after.softmax(-1))[0]
    assert found['effect'][1] == pytest.approx(float(expected), abs=1e-5)


def test_probabilities_are_adjusted_as_the_head_predicts(tiny_model: dict, clip: Clip) -> None:
    counts = [10, 20, 30, 40, 50, 60, 70]
    tiny_model['cls_head'].update(prior_adjustment=1.0, class_counts=counts, temperature=3.0)
    model = MODELS.build(tiny_model).eval()
    (sample,) = model.test_step(dict(inputs=[clip.inputs], data_samples=[ActionDataSample()]))
    np.testing.assert_allclose(predict(model, clip), sample.pred_score.detach(), atol=1e-6)
    model.cls_head.class_counts = None
    with pytest.raises(ValueError, match=r'set model\.cls_head\.class_counts'):
        predict(model, clip)
