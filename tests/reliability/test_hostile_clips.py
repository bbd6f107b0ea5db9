"""Untrusted lists and clips ask no server and lead to no file outside the dataset."""

from __future__ import annotations

import socket

import pytest
from attacks import pickled
from bad_clips import FAST, TS, frames, huge_png
from clip_files import read_steps

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError


@pytest.fixture
def server():
    """The address of a server that nothing may ask."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield f'http://127.0.0.1:{server.getsockname()[1]}'
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture
def secret(tmp_path):
    """A folder with readable clips that a list must not lead to."""
    folder = tmp_path / 'secret'
    folder.mkdir()
    frames()(folder)
    for name, content in {'mp4': FAST, 'ts': TS}.items():
        (folder / f'secret.{name}').write_bytes(content)
    return folder


@pytest.fixture
def corpus(tmp_path):
    """A corpus with one clip."""
    root = tmp_path / 'given'
    root.mkdir()
    frames()(root)
    (root / 'list.txt').write_text('clip 8 1')
    return root


def read_first(root, decoder='Clip'):
    """Decode the first clip of a corpus."""
    steps = read_steps(8, test_mode=False)
    for step in (steps[0], steps[2]):
        step['type'] = step['type'].replace('Clip', decoder)
    rest = dict(ann_file='list.txt', unreadable='raise', pipeline=steps)
    return DFEWDataset(data_root=str(root), **rest)[0]


def check_refused(root, name, content, decoder='Clip'):
    """Write the only clip of a corpus, and see that it is refused."""
    (root / name).write_bytes(content)
    (root / 'list.txt').write_text(f'{name} 24 1')
    with pytest.raises(ClipReadError, match=rf'{name} \(listed in .*list\.txt:1\): '):
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
        '{server}/clip.mp4,1',
        '{secret}/../secret/clip 8 1',
    ],
)
def test_a_list_that_leads_out_of_the_root_is_refused(server, secret, corpus, line):
    assert len(read_first(corpus)['imgs']) == 8
    (corpus / 'list.txt').write_text(line.format(secret=secret, server=server))
    with pytest.raises((ValueError, FileNotFoundError), match=r'list\.txt:1'):
        read_first(corpus)


def test_a_list_or_packed_clip_that_is_a_pickle_runs_no_code(corpus, tmp_path):
    marker = tmp_path / 'code_ran'
    check_refused(corpus, 'packed.safetensors', pickled(marker))
    (corpus / 'list.txt').write_bytes(pickled(marker))
    with pytest.raises(ValueError, match=r'list\.txt:1: '):
        read_first(corpus)
    assert not marker.exists()


HLS = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n{}#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n'
PLAYLISTS = {
    'HLS to a server': HLS.format('', '{server}/a.ts'),
    'HLS with a key': HLS.format(
        f'#EXT-X-KEY:METHOD=AES-128,URI="{{server}}/key",IV=0x{0:032}\n', 'a.ts'
    ),
    'HLS to a file': HLS.format('', '{secret}/secret.ts'),
    'ffconcat to a server': "ffconcat version 1.0\nfile '{server}/a.ts'\n",
    'ffconcat to a file': "ffconcat version 1.0\nfile '{secret}/secret.mp4'\n",
}


@pytest.mark.promise('Untrusted files', 'Playlists and manifests named as videos are not followed')
@pytest.mark.parametrize('kind', PLAYLISTS)
def test_a_video_that_names_other_files_is_refused(server, secret, corpus, kind):
    content = PLAYLISTS[kind].format(server=server, secret=secret).encode()
    # MMAction2's decoders are tried with the first, which would ask a server.
    decoders = ['Clip', *(['Decord', 'OpenCV', 'PyAV'] if kind == 'HLS to a server' else [])]
    for decoder in decoders:
        check_refused(corpus, 'video.mp4', content, decoder)


def test_a_frame_that_is_too_large_is_not_decoded(corpus, monkeypatch):
    (corpus / 'clip/3.jpg').write_bytes(huge_png(4097))
    monkeypatch.setattr('cv2.imdecode', None)
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): .*/clip/3.jpg has 4097 x 4097 pixels'):
        read_first(corpus)
