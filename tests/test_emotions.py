import pytest

from dferclip_mm.emotions import emotion_of, resolve_classes


def test_label_order_of_each_corpus():
    seven = ('happiness', 'sadness', 'neutral', 'anger', 'surprise', 'disgust', 'fear')
    assert resolve_classes('dfew') == resolve_classes('FERV39k') == resolve_classes('afew') == seven
    others = ('contempt', 'anxiety', 'helplessness', 'disappointment')
    assert resolve_classes('mafw') == (*seven, *others)


@pytest.mark.parametrize(
    ('word', 'emotion'), [('Happy', 'happiness'), ('Angry ', 'anger'), ('fear', 'fear')]
)
def test_the_words_of_the_corpora_mean_emotions(word, emotion):
    assert emotion_of(word) == emotion
    with pytest.raises(ValueError, match="'joy' is not an emotion"):
        emotion_of('joy')


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        ('dfwe', 'not a corpus'),
        ([], 'at least one class'),
        (['a', 'b', 'a'], 'a repeated'),
        (['yes', True], 'found True'),
        (['a', ' '], 'non-empty'),
    ],
)
def test_bad_classes_are_named(classes, message):
    with pytest.raises(ValueError, match=message):
        resolve_classes(classes)
