"""Untrusted lists and clips ask no server and lead to no file outside the dataset."""

from __future__ import annotations

import pytest
from attacks import MOVIE, VIDEOS, canary_at, pickled
from bad_clips import FAST, TS, frames, huge_png

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError


@pytest.fixture
def canary(tmp_path):
    with canary_at(tmp_path) as canary:
        yield canary


@pytest.fixture
def corpus(canary):
    """A corpus with one clip, beside a folder with readable clips that it must not lead to."""
    root = canary.folder
    frames()(canary.secret)
    for name, content in {'mp4': FAST, 'ts': TS, 'mov': MOVIE}.items():
        (canary.secret / f'secret.{name}').write_bytes(content)
    frames()(root)
    (root / 'list.txt').write_text('clip 8 1')
    return root


def read_first(root, decoder='Clip'):
    """Decode the first clip of a corpus."""
    pipeline = [
        dict(type=f'{decoder}Init'),
        dict(type='SampleSegments', num_frames=8),
        dict(type=f'{decoder}Decode'),
    ]
    root = str(root)
    return DFEWDataset(data_root=root, ann_file='list.txt', unreadable='raise', pipeline=pipeline)[
        0
    ]


def check_refused(root, name, content, decoder='Clip', match=''):
    """Write the only clip of a corpus, and see that it is refused."""
    (root / name).write_bytes(content)
    (root / 'list.txt').write_text(f'{name} 24 1')
    with pytest.raises(ClipReadError, match=rf'{name} \(listed in .*list\.txt:1\): .*{match}'):
        read_first(root, decoder)


@pytest.mark.promise(
    'Untrusted files', 'A list opens no file outside its folders and no network connection'
)
@pytest.mark.parametrize(
    'line',
    [
        '../secret/clip,1',
        '..\\secret\\clip,1',
        '{secret}/clip,1',
        'file://{secret}/secret.mp4,1',
        'concat:{secret}/secret.mp4,1',
        '{address}/clip.mp4,1',
        '{secret}/../secret/clip 8 1',
    ],
)
def test_a_list_that_leads_out_of_the_root_is_refused(canary, corpus, line):
    assert len(read_first(corpus)['imgs']) == 8
    (corpus / 'list.txt').write_text(line.format(secret=canary.secret, address=canary.address))
    with pytest.raises((ValueError, FileNotFoundError), match=r'list\.txt:1'):
        read_first(corpus)
    assert not canary.fired()


def test_a_list_that_is_a_pickle_runs_no_code(canary, corpus):
    (corpus / 'list.txt').write_bytes(pickled(canary))
    with pytest.raises(ValueError, match=r'list\.txt:1: '):
        read_first(corpus)
    assert not canary.fired()


@pytest.mark.promise('Untrusted files', 'Playlists and manifests named as videos are not followed')
@pytest.mark.parametrize('kind', VIDEOS)
def test_a_video_that_names_other_files_is_refused(canary, corpus, kind):
    check_refused(corpus, 'video.mp4', VIDEOS[kind](canary))
    assert not canary.fired()


@pytest.mark.parametrize('decoder', ['Decord', 'OpenCV', 'PyAV'])
def test_a_decoder_of_mmaction2_follows_no_playlist(canary, corpus, decoder):
    check_refused(corpus, 'video.mp4', VIDEOS['HLS to a server'](canary), decoder)
    assert not canary.fired()


def test_a_packed_clip_that_is_a_pickle_is_refused(canary, corpus):
    check_refused(corpus, 'packed.safetensors', pickled(canary))
    assert not canary.fired()


def test_a_frame_that_is_too_large_is_not_decoded(corpus, monkeypatch):
    (corpus / 'clip/3.jpg').write_bytes(huge_png(4097))
    monkeypatch.setattr('cv2.imdecode', None)
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): .*/clip/3.jpg has 4097 x 4097 pixels'):
        read_first(corpus)
