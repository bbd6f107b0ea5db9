"""What a run refuses, or could not be believed after, is an error of the check as well."""

import av
import numpy as np
import pytest
from mini_corpora import write_clip, write_dfew, write_text
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import compare
from dferclip_mm.media.errors import ClipReadError

PIPELINE = [dict(type='ClipInit'), dict(type='SampleSegments', num_frames=2)]


def errors(found):
    """(kind, lines) of the errors."""
    return [
        (each.kind, [line for _, line in each.places]) for each in found if each.severity == 'error'
    ]


@pytest.fixture
def scores(tmp_path):
    for name in 'abc':
        write_clip(tmp_path / f'data/{name}', 2, 'jpg')
    return dict(
        type='ClipScoresDataset',
        data_root=str(tmp_path / 'data'),
        ann_file='scores.csv',
        pipeline=PIPELINE,
    )


@pytest.mark.parametrize(
    ('table', 'chosen', 'expected'),
    [
        ('a,1\nb,2\n', 'a\nnosuch\nb\n', [('missing clip', [2])]),
        ('a,1\nb,2\n', 'a\nc\nb\n', [('clip without scores', [2])]),
        ('a,1\nb,2\n', 'a\n../b\n', [('list line', [2])]),
        ('a,1\nb,2\na,1\n', '', [('scored twice', [4])]),
        ('a,1\nb,2\na,1\n', 'b', [('scored twice', [4])]),
        ('a,1\nb,2\na,3\n', '', [('two labels', [2, 4])]),
        ('a,1\nb,2\n', '\n', [('settings', [0])]),
        ('b,nan\n', '', [('list line', [2]), ('settings', [0])]),
    ],
)
def test_scores(tmp_path, scores, examine_parts, table, chosen, expected):
    write_text(tmp_path / 'data/scores.csv', f'clip,pain\n{table}')
    if chosen:
        write_text(tmp_path / 'data/chosen.txt', chosen)
        scores['clip_list'] = 'chosen.txt'
    _, found = examine_parts(('train', scores))
    assert errors(found) == expected
    with pytest.raises((ValueError, FileNotFoundError), match=r'\.(csv|txt)'):
        DATASETS.build(scores)


@pytest.mark.parametrize('wrong', [dict(split='val'), dict(ann_file='x.csv'), dict(targets='calm')])
def test_settings_of_scores(tmp_path, scores, examine_parts, wrong):
    write_text(tmp_path / 'data/scores.csv', 'clip,pain,split\na,1,train\nb,nan,train\n')
    _, found = examine_parts(('train', {**scores, **wrong}))
    assert 'settings' in [kind for kind, _ in errors(found)]
    with pytest.raises((ValueError, FileNotFoundError)):
        DATASETS.build({**scores, **wrong})


def test_one_clip_with_two_captions(tmp_path, examine_parts):
    for number in (1, 2):
        write_clip(tmp_path / f'data/faces/{number}', 2, 'png')
    rows = ('1\tanger\tx\tone', '1\tanger\tx\ttwo', '2\tfear\tx\tb', '2\tfear\ty\tb')
    settings = dict(type='MAFWDataset', data_root=str(tmp_path), ann_file='list.txt')
    settings |= dict(captions=True, pipeline=PIPELINE)
    write_text(tmp_path / 'list.txt', '\n'.join(rows))
    _, found = examine_parts(('train', settings))
    assert errors(found) == [('two captions', [1, 2])]
    with pytest.raises(ValueError, match='expected one text'):
        DATASETS.build(settings)
    # Where captions are not read, it is the same line twice.
    _, found = examine_parts(('train', {**settings, 'captions': False}))
    assert errors(found) == []


@pytest.fixture
def stream(tmp_path):
    """An MPEG stream without an index, in a list."""
    with av.open(str(tmp_path / 'clip.ts'), 'w', format='mpegts') as container:
        track = container.add_stream('mpeg2video', rate=25)
        track.height, track.width = 48, 64
        for level in range(0, 240, 10):
            picture = np.full((48, 64, 3), level, np.uint8)
            container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        container.mux(track.encode())
    write_text(tmp_path / 'list.txt', 'clip 24 1')
    return dict(type='DFEWDataset', data_root=str(tmp_path), ann_file='list.txt')


@pytest.mark.parametrize('nested', [False, True])
def test_what_the_runs_decoder_would_not_read(stream, examine_parts, nested):
    step = dict(type='DecordInit')
    if nested:
        step = dict(type='RandomApply', prob=1.0, transforms=[step])
    sound = {**stream, 'pipeline': PIPELINE}
    decord = {**stream, 'pipeline': [step, *PIPELINE[1:]], 'unreadable': 'raise'}
    with pytest.raises(ClipReadError, match='an MPEG stream'):
        DATASETS.build(decord)[0]
    assert errors(examine_parts(('train', sound))[1]) == []
    _, found = examine_parts(('train', decord))
    assert errors(found) == [('undecodable', [1])]
    # The same clip of two parts is read by the stricter of them.
    for order in (decord, sound), (sound, decord):
        named = zip(('train', 'train'), order, strict=True)
        assert errors(examine_parts(*named)[1]) == [('undecodable', [1])]


def test_an_opener_within_another_transform_says_what_is_too_large(stream, examine_parts):
    inner = [dict(type='ClipInit', max_pixels=100), *PIPELINE[1:]]
    nested = [dict(type='KeyMapper', transforms=inner, auto_remap=False)]
    parts, found = examine_parts(('train', {**stream, 'pipeline': nested}))
    assert errors(found) == [('undecodable', [1])]
    assert parts[0].frames == 2


@pytest.mark.parametrize('fold', [None, 1])
def test_folds_that_do_not_go_together(tmp_path, examine_parts, fold):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    path = 'EmoLabel_DataSplit/{}(single-labeled)/set_2.csv'
    write_text(root / path.format('test'), '1,1\n')
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    named = (('train', {**settings, 'fold': 1}), ('test', {**settings, 'split': 'test', 'fold': 2}))
    _, found = examine_parts(*named, fold=fold)
    # A run of one fold takes neither from the config.
    expected = [('train and test', [2])] if fold is None else []
    assert errors(found) == expected


def test_each_fold_is_compared_with_itself_alone(tmp_path, examine_parts):
    root = write_dfew(tmp_path / 'DFEW', num_frames=2, folds=2)
    path = 'EmoLabel_DataSplit/{}(single-labeled)/set_2.csv'
    swapped = [(root / path.format(split)).read_text() for split in ('test', 'train')]
    for split, text in zip(('train', 'test'), swapped, strict=True):
        write_text(root / path.format(split), text)
    settings = dict(type='DFEWDataset', data_root=str(root), pipeline=PIPELINE)
    train, test = (('train', settings), ('test', {**settings, 'split': 'test'}))
    parts = [part for fold in (1, 2) for part in examine_parts(train, test, fold=fold)[0]]
    assert [part.run for part in parts] == [1, 1, 2, 2]
    assert errors(compare(parts, {})) == []
