"""Untrusted lists and clips ask no server and lead to no file outside the dataset."""

import socket

import pytest
from attacks import pickled
from clip_files import read_steps, write_frames
from drawn_videos import write

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError


@pytest.fixture
def places(tmp_path):
    """A folder with readable clips that a list must not lead to, and a server that nothing asks."""
    write_frames(tmp_path / 'secret/clip', 8)
    for suffix in ('mp4', 'ts'):
        write(tmp_path / f'secret/secret.{suffix}')
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'http://127.0.0.1:{server.getsockname()[1]}'
        yield dict(secret=tmp_path / 'secret', server=address)
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture
def corpus(tmp_path):
    """A corpus with one clip."""
    write_frames(tmp_path / 'given/clip', 8)
    (tmp_path / 'given/list.txt').write_text('clip 8 1')
    return tmp_path / 'given'


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
def test_a_list_that_leads_out_of_the_root_is_refused(places, corpus, line):
    assert len(read_first(corpus)['imgs']) == 8
    (corpus / 'list.txt').write_text(line.format(**places))
    with pytest.raises((ValueError, FileNotFoundError), match=r'list\.txt:1'):
        read_first(corpus)


def test_a_list_or_packed_clip_that_is_a_pickle_runs_no_code(corpus, tmp_path):
    marker = tmp_path / 'code_ran'
    check_refused(corpus, 'packed.safetensors', pickled(marker))
    (corpus / 'list.txt').write_bytes(pickled(marker))
    with pytest.raises(ValueError, match=r'list\.txt:1: '):
        read_first(corpus)
    assert not marker.exists()


HLS = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n'
KEY = '#EXT-X-KEY:METHOD=AES-128,URI="{server}/key",IV=0x0\n#EXTINF'
PLAYLISTS = {
    'HLS to a server': HLS.format('{server}/a.ts'),
    'HLS with a key': HLS.format('a.ts').replace('#EXTINF', KEY),
    'HLS to a file': HLS.format('{secret}/secret.ts'),
    'ffconcat to a server': "ffconcat version 1.0\nfile '{server}/a.ts'\n",
    'ffconcat to a file': "ffconcat version 1.0\nfile '{secret}/secret.mp4'\n",
}


@pytest.mark.promise('Untrusted files', 'Playlists and manifests named as videos are not followed')
@pytest.mark.parametrize(
    ('kind', 'decoder'),
    # MMAction2's decoders are tried with the first.
    [*((kind, 'Clip') for kind in PLAYLISTS)]
    + [('HLS to a server', decoder) for decoder in ('Decord', 'OpenCV', 'PyAV')],
)
def test_a_video_that_names_other_files_is_refused(places, corpus, kind, decoder):
    check_refused(corpus, 'video.mp4', PLAYLISTS[kind].format(**places).encode(), decoder)
