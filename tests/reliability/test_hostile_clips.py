"""Lists and clips of strangers are data: no server is asked, nothing outside the root is read."""

from __future__ import annotations

import json
import math
import struct

import cv2
import numpy as np
import pytest
from attacks import EVERYTHING, MOVIE, PICKLE, VIDEOS, by_pyav, fires
from bad_media import FAST, TS, frames, huge_png
from canary import WATCHES, canary_at
from media_child import DECODERS
from mmaction.registry import TRANSFORMS

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError
from dferclip_mm.media.packed import FORMAT


@pytest.fixture
def canary(tmp_path, request):
    """Every test here but the controls ends with the canary alive."""
    with canary_at(tmp_path) as canary:
        yield canary
        assert 'control' in request.node.name or canary.fired() == []


@pytest.fixture
def corpus(canary):
    """Below `given` a corpus with one clip, in `secret` what it must not lead to."""
    root = canary.folder
    frames()(canary.secret)
    for name, content in {'mp4': FAST, 'ts': TS, 'mov': MOVIE, 'safetensors': b'{}'}.items():
        (canary.secret / f'secret.{name}').write_bytes(content)
    frames()(root)
    (root / 'list.txt').write_text('clip 8 1')
    canary.watch.set(canary.secret)
    return root


def open_corpus(root, decoder='ClipInit', **options):
    opened, decoded = DECODERS[decoder]
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        unreadable='raise',
        max_refetch=0,
        pipeline=[
            dict(type=opened),
            # All frames of a folder, so that the one that matters is among them.
            dict(type='SampleSegments', num_frames=8),
            dict(type=decoded),
        ],
        **options,
    )


needs_watch = pytest.mark.skipif(not WATCHES, reason='only Linux tells what is read')


# Lists

LINES = [
    '../secret/clip,1',
    '..\\secret\\clip,1',
    '{secret}/clip,1',
    'file://{secret}/secret.mp4,1',
    'concat:{secret}/secret.mp4,1',
    '{address}/clip.mp4,1',
    '{address}/clip.mp4 8 1',
    './../secret/clip 8 1',
    '{secret}/../secret/clip 8 1',
    '{secret}/secret.mp4 8 1',
]


def line_of(canary, line):
    return line.format(secret=canary.secret, address=canary.address)


@pytest.mark.promise(
    'Untrusted files', 'A list opens no file outside its folders and no network connection'
)
@pytest.mark.parametrize('line', LINES)
def test_a_list_that_leads_out(canary, corpus, line):
    (corpus / 'list.txt').write_text(line_of(canary, line))
    with pytest.raises((ValueError, FileNotFoundError), match=r'list\.txt:1'):
        len(open_corpus(corpus))


@needs_watch
@pytest.mark.parametrize('line', LINES)
def test_control_list(canary, corpus, line):
    """As a program does that joins the root and the name, and decodes what is there."""
    name = line_of(canary, line).replace('\\', '/').replace(' 8 1', ',1').removesuffix(',1')

    def join_and_read():
        clip = corpus / name
        if clip.is_dir():
            assert cv2.imread(str(clip / '1.jpg')).shape == (48, 64, 3)
        else:
            by_pyav(clip if clip.is_file() else name)

    expected = '/clip.mp4' if 'address' in line else 'read'
    assert any(reached.endswith(expected) for reached in fires(canary, join_and_read))


def test_a_list_that_is_a_pickle(canary, corpus):
    (corpus / 'list.txt').write_bytes(PICKLE.write(canary))
    with pytest.raises(ValueError, match=r'list\.txt:1: '):
        len(open_corpus(corpus))


# Links

LINKS = {
    'a frame': ('clip/3.jpg', 'clip/3.jpg', 'clip'),
    'a folder of frames': ('linked', 'clip', 'linked'),
    'a folder above': ('above', '.', 'above/clip'),
    'a folder of videos': ('above', '.', 'above/secret.mp4'),
    'a video': ('linked.mp4', 'secret.mp4', 'linked.mp4'),
    'a packed clip': ('linked.safetensors', 'secret.safetensors', 'linked.safetensors'),
}


def follow(corpus, canary, kind, **options):
    """Lay a link, and read the clip behind it."""
    name, target, clip = LINKS[kind]
    (corpus / name).unlink(missing_ok=True)
    (corpus / name).symlink_to(canary.secret / target)
    (corpus / 'list.txt').write_text(f'{clip} 8 1')
    return open_corpus(corpus, **options)[0]


@pytest.mark.parametrize('kind', LINKS)
def test_a_link_that_leads_out(canary, corpus, kind):
    with pytest.raises((ValueError, ClipReadError), match=r'list\.txt:1\)?: .*a link to .*secret'):
        follow(corpus, canary, kind)


@needs_watch
@pytest.mark.parametrize('kind', LINKS)
def test_control_link(canary, corpus, kind):
    reached = fires(canary, lambda: follow(corpus, canary, kind, allow_outside_root=True))
    assert any(each.endswith('read') for each in reached)


# Videos


@pytest.mark.promise('Untrusted files', 'Playlists and manifests named as videos are not followed')
@pytest.mark.parametrize('kind', VIDEOS)
@pytest.mark.parametrize('decoder', ['ClipInit', 'Decord', 'OpenCV', 'PyAV'])
def test_a_video(canary, corpus, kind, decoder):
    (corpus / 'video.mp4').write_bytes(VIDEOS[kind].write(canary))
    (corpus / 'list.txt').write_text('video 24 1')
    with pytest.raises(ClipReadError, match=r'video\.mp4 \(listed in .*list\.txt:1\): '):
        open_corpus(corpus, decoder)[0]


def test_a_video_beside_another_of_nearly_its_name(canary, corpus):
    """The host's DecordInit puts .mp4 behind a name without a suffix."""
    (corpus / 'video').write_bytes(FAST)
    (corpus / 'video.mp4').write_bytes(VIDEOS['HLS to a server'].write(canary))
    (corpus / 'list.txt').write_text('video 24 1')
    with pytest.raises(ClipReadError, match='listed in'):
        open_corpus(corpus, 'Decord')[0]


@needs_watch
@pytest.mark.parametrize('kind', VIDEOS)
def test_control_video(canary, corpus, kind):
    path = corpus / 'video.mp4'
    path.write_bytes(VIDEOS[kind].write(canary))
    reached = fires(canary, lambda: VIDEOS[kind].careless(path))
    served = any(word in kind for word in ('server', 'playlists', 'key', 'header'))
    assert reached
    assert all(each.startswith('secret.') != served for each in reached)


def test_control_decord(canary):
    """Decord's own attack by the host's transform, which the host's pipelines begin with."""
    path = canary.folder / 'video.mp4'
    path.write_bytes(VIDEOS['HLS to a server'].write(canary))
    step = TRANSFORMS.build(dict(type='DecordInit'))
    assert '/a.ts' in fires(canary, lambda: step(dict(filename=str(path))))


def leave(monkeypatch, protections):
    """Take everything from `ClipInit` that keeps FFmpeg to one file, but some protections."""
    module = 'dferclip_mm.media.videos.'
    if 'white lists' in protections:
        from dferclip_mm.media.videos import FFMPEG_OPTIONS

        monkeypatch.setattr(module + 'FFMPEG_OPTIONS', EVERYTHING | FFMPEG_OPTIONS)
    else:
        monkeypatch.setattr(module + 'FFMPEG_OPTIONS', EVERYTHING)
    if 'head' not in protections:
        monkeypatch.setattr(module + 'is_video', lambda head: True)


CONCATS = [kind for kind in VIDEOS if kind.startswith('ffconcat')]


@pytest.mark.parametrize('kind', CONCATS)
@pytest.mark.parametrize('protection', ['head', 'white lists'])
def test_each_protection_alone(canary, corpus, monkeypatch, kind, protection):
    """FFmpeg by itself refuses these lists: that we do as well is only seen where it does not."""
    leave(monkeypatch, [protection])
    test_a_video(canary, corpus, kind, 'ClipInit')


@needs_watch
@pytest.mark.parametrize('kind', CONCATS)
def test_control_without_protection(canary, corpus, monkeypatch, kind):
    leave(monkeypatch, [])
    (corpus / 'video.mp4').write_bytes(VIDEOS[kind].write(canary))
    (corpus / 'list.txt').write_text('video 24 1')
    assert fires(canary, lambda: open_corpus(corpus)[0])


# Packed clips

PACKED = {'pickle': PICKLE, 'playlist': VIDEOS['HLS to a server']}


@pytest.mark.parametrize('kind', PACKED)
def test_a_packed_clip(canary, corpus, kind):
    (corpus / 'packed.safetensors').write_bytes(PACKED[kind].write(canary))
    (corpus / 'list.txt').write_text('packed 24 1')
    with pytest.raises(ClipReadError, match=r'packed\.safetensors \(listed in .*list\.txt:1\): '):
        open_corpus(corpus)[0]


@pytest.mark.parametrize('kind', PACKED)
def test_control_packed_clip(canary, kind):
    path = canary.folder / 'packed.safetensors'
    path.write_bytes(PACKED[kind].write(canary))
    assert fires(canary, lambda: PACKED[kind].careless(path))


def test_a_header_that_is_nested_deeply(canary, corpus):
    header = b'{"a":' * 9000
    (corpus / 'packed.safetensors').write_bytes(struct.pack('<Q', len(header)) + header)
    (corpus / 'list.txt').write_text('packed 24 1')
    with pytest.raises(ClipReadError, match=r'packed\.safetensors \(listed in .*list\.txt:1\): '):
        open_corpus(corpus)[0]


SIDE = 4097


def packed_header(shape, dtype='U8'):
    """Of a packed clip of one frame."""
    known = {'format': FORMAT}
    frame = {'dtype': dtype, 'shape': shape, 'data_offsets': [0, math.prod(shape)]}
    text = json.dumps({'__metadata__': known, '000000': frame}).encode()
    return struct.pack('<Q', len(text)) + text


@pytest.mark.parametrize(
    'shape', [(SIDE, SIDE, 3), (1, 2, 3 * SIDE**2), (3 * SIDE**2,), (1, 1, 3, SIDE**2)]
)
def test_a_packed_clip_of_frames_that_are_too_large(canary, corpus, shape):
    header = packed_header(shape)
    with (corpus / 'packed.safetensors').open('wb') as file:
        file.write(header)
        # On the disk the rest takes no room.
        file.truncate(len(header) + math.prod(shape))
    (corpus / 'list.txt').write_text('packed 1 1')
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): expected frames of at most 16777216'):
        open_corpus(corpus)[0]


@pytest.mark.parametrize('decoder', ['ClipInit', 'RawFrame'])
@pytest.mark.parametrize('name', ['1.jpg', '3.jpg', '8.jpg'])
def test_a_folder_with_a_frame_that_is_too_large(canary, corpus, monkeypatch, decoder, name):
    (corpus / 'clip' / name).write_bytes(huge_png(SIDE))
    refused = []

    def decode(data, flags):
        refused.append(len(data))
        return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr('cv2.imdecode', decode)
    with pytest.raises(ClipReadError, match=rf'list\.txt:1\): .*/clip/{name} has 4097 x 4097 pix'):
        open_corpus(corpus, decoder)[0]
    assert refused == []
