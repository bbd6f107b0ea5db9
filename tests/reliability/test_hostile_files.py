"""Files of strangers are data: reading them runs no code, asks no server, leaves no root.

No archive is attacked, since none is unpacked: of a zip only PyTorch's and numpy's own records are
read, in memory.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
import yaml
from bad_media import FAST, TS, encode, frames, huge_png, image, patched
from canary import canary_at
from media_child import DECODERS
from mmaction.registry import TRANSFORMS
from mmengine.config import Config

from dferclip_mm.converters.errors import ConversionError
from dferclip_mm.converters.read import read_checkpoint
from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.datasets.transforms import ClipReadError
from dferclip_mm.evaluation.results import read_results
from dferclip_mm.models.clip import build_clip
from dferclip_mm.prompts import load_prompts


@pytest.fixture
def canary(tmp_path, request):
    """Every test here but the controls ends with the canary alive."""
    with canary_at(tmp_path) as canary:
        yield canary
        assert 'control' in request.node.name or not canary.marker.exists()
        assert 'control' in request.node.name or canary.requests == []


# Checkpoints


def zipped(canary):
    """As torch.save writes it."""
    file = io.BytesIO()
    torch.save({'state_dict': {'a': torch.zeros(1)}, 'more': canary.payload}, file)
    return file.getvalue()


def by_getattr(canary):
    """Code by way of `getattr`, which MMEngine's own checkpoints ask for."""
    imported = 'c__builtin__\n__import__\n(S"os"\ntR'
    return f'c__builtin__\ngetattr\n({imported}S"mkdir"\ntR(S"{canary.marker}"\ntR.'.encode()


def renamed_record(canary):
    """A checkpoint whose records are named to lie above the folder."""
    source, file = zipfile.ZipFile(io.BytesIO(zipped(canary))), io.BytesIO()
    with zipfile.ZipFile(file, 'w') as target:
        for name in source.namelist():
            target.writestr(f'../../{name}', source.read(name))
    return file.getvalue()


CHECKPOINTS = {
    'pickle in a zip': zipped,
    'bare pickle': lambda canary: canary.pickled,
    'getattr': by_getattr,
    'names that lead out': renamed_record,
}


@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_a_checkpoint_to_be_converted(canary, kind):
    path = canary.folder / 'model.pth'
    path.write_bytes(CHECKPOINTS[kind](canary))
    with pytest.raises(ConversionError, match=r'model\.pth'):
        read_checkpoint(path)
    assert [each.name for each in canary.folder.iterdir()] == ['model.pth']


@pytest.mark.parametrize('kind', CHECKPOINTS)
def test_weights_of_a_tower(canary, tiny_clip, kind):
    path = canary.folder / 'clip.pt'
    path.write_bytes(CHECKPOINTS[kind](canary))
    with pytest.raises((ValueError, RuntimeError, pickle.UnpicklingError)):
        build_clip(tiny_clip, str(path))


@pytest.fixture
def trained(work_dir, run_tool, toy_config):
    """The checkpoint of a run of seconds, to be turned into an attack."""
    run_tool('train', toy_config, '--work-dir', 'run')
    return work_dir / 'run/epoch_1.pth'


@pytest.mark.parametrize('kind', CHECKPOINTS)
@pytest.mark.parametrize('program', ['train', 'test'])
def test_a_checkpoint_that_a_run_starts_from(canary, work_dir, run_tool, toy_config, kind, program):
    path = canary.folder / 'model.pth'
    path.write_bytes(CHECKPOINTS[kind](canary))
    given = [path] if program == 'test' else ['--cfg-options', f'load_from={path}']
    with pytest.raises(SystemExit, match=r'model\.pth'):
        run_tool(program, toy_config, *given)


@pytest.mark.parametrize('place', ['meta.config', 'meta.cfg', 'message_hub', 'optimizer'])
def test_a_checkpoint_that_a_run_goes_on_from(canary, trained, run_tool, toy_config, place):
    content = torch.load(trained, map_location='cpu', weights_only=True)
    if place.startswith('meta.'):
        content['meta'][place.removeprefix('meta.')] = canary.code
    elif place == 'message_hub':
        content['message_hub']['runtime_info']['code'] = canary.payload
    else:
        content['optimizer']['code'] = canary.payload
    path = canary.folder / 'epoch_1.pth'
    torch.save(content, path)
    options = ['--resume', '--cfg-options', f'load_from={path}']
    if place.startswith('meta.'):
        # Weights and numbers are taken, the text is not executed.
        run_tool('train', toy_config, '--work-dir', 'again', *options)
        run_tool('test', toy_config, path)
    else:
        with pytest.raises(SystemExit, match=r'epoch_1\.pth'):
            run_tool('train', toy_config, '--work-dir', 'again', *options)


# Features, results, prompts


def object_array(canary):
    file = io.BytesIO()
    np.savez(file, features=np.array([canary.payload], dtype=object), labels=np.zeros(1))
    return file.getvalue()


def object_file(canary):
    file = io.BytesIO()
    np.save(file, np.array([canary.payload], dtype=object))
    return file.getvalue()


FEATURES = {'objects': object_array, 'one array': object_file, 'pickle': lambda c: c.pickled}


@pytest.mark.parametrize('kind', FEATURES)
def test_a_feature_file(canary, work_dir, run_tool, kind):
    path = canary.folder / 'features.npz'
    path.write_bytes(FEATURES[kind](canary))
    with pytest.raises(SystemExit, match=r'error: .*features\.npz is no \.npz file'):
        run_tool('linear_probe', path, path)


def test_results(canary):
    path = canary.folder / 'results.json'
    path.write_bytes(canary.pickled)
    with pytest.raises(ValueError, match=r'results\.json'):
        read_results(path)


@pytest.mark.parametrize('suffix', ['yaml', 'json', 'pkl', 'py'])
def test_prompts(canary, suffix):
    path = canary.folder / f'own.{suffix}'
    call = f'a: !!python/object/apply:builtins.open [{canary.marker}, w]'
    texts = {'yaml': call.encode(), 'py': canary.code.encode()}
    path.write_bytes(texts.get(suffix, canary.pickled))
    with pytest.raises(ValueError, match=rf'own\.{suffix}'):
        load_prompts(str(path), ['a'])


# Lists and clips


@pytest.fixture
def corpus(canary):
    """Below `given` a corpus with one clip, in `secret` what it must not lead to."""
    root = canary.folder
    frames()(canary.secret)
    (canary.secret / 'secret.mp4').write_bytes(FAST)
    (canary.secret / 'secret.ts').write_bytes(TS)
    frames()(root)
    (root / 'list.txt').write_text('clip 8 1')
    return root


def open_corpus(root, decoder='OpenClip', **options):
    opened, decoded = DECODERS[decoder]
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        unreadable='raise',
        max_refetch=0,
        pipeline=[
            dict(type=opened),
            dict(type='SampleSegments', num_frames=2),
            dict(type=decoded),
        ],
        **options,
    )


@pytest.mark.parametrize(
    'line',
    [
        '../secret/clip,1',
        '..\\secret\\clip,1',
        '{secret}/clip,1',
        'file://{secret}/clip,1',
        'concat:{secret}/secret.mp4,1',
        '{address}/clip.mp4,1',
        '{address}/clip 8 1',
        './../secret/clip 8 1',
        '{secret}/../secret/clip 8 1',
        '{secret}/secret 8 1',
    ],
)
def test_a_list_that_leads_out(canary, corpus, line):
    text = line.format(secret=canary.secret, address=canary.address)
    (corpus / 'list.txt').write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=r'list\.txt:1'):
        len(open_corpus(corpus))


def test_a_list_that_is_a_pickle(canary, corpus):
    (corpus / 'list.txt').write_bytes(canary.pickled)
    with pytest.raises(ValueError, match=r'list\.txt:1: '):
        len(open_corpus(corpus))


def test_links_that_lead_out(canary, corpus):
    (corpus / 'clip/3.jpg').unlink()
    (canary.secret / 'face.jpg').write_bytes(image())
    (corpus / 'clip/3.jpg').symlink_to(canary.secret / 'face.jpg')
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): .* a link to .*face\.jpg'):
        open_corpus(corpus)[0]
    (corpus / 'other').symlink_to(canary.secret)
    for name in ('other/clip', 'other/secret'):
        (corpus / 'list.txt').write_text(f'{name} 8 1')
        with pytest.raises(ValueError, match=r'list\.txt:1: .* a link to .*secret'):
            len(open_corpus(corpus))


def hls(canary, target):
    return f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n'.encode()


def dash(canary, target):
    return (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011" type="static">\n<Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        f'<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>\n'
    ).encode()


def external_track(canary, target):
    """A QuickTime movie whose samples lie in another file, named by a data reference."""
    movie = encode('mov', 'mpeg4', movflags='faststart')
    path = str(target).encode()
    alias = struct.pack('>I4sI', 12 + len(path), b'url ', 0) + path
    place = movie.index(b'url ') - 4
    # The old reference is 12 bytes; what it needs more is taken from a following free box.
    grown = movie[:place] + alias + movie[place + 12 :]
    return patched(grown, b'dref', (8, struct.pack('>I', 12 + len(path))))


VIDEOS = {
    'HLS to a server': lambda c: hls(c, f'{c.address}/a.ts'),
    'HLS to a file': lambda c: hls(c, c.secret / 'secret.ts'),
    'HLS behind a BOM': lambda c: b'\xef\xbb\xbf' + hls(c, f'{c.address}/a.ts'),
    'HLS behind an empty box': lambda c: b'\0\0\0\x08ftyp' + hls(c, f'{c.address}/a.ts'),
    'ffconcat': lambda c: f"ffconcat version 1.0\nfile '{c.secret}/secret.mp4'\n".encode(),
    'ffconcat to a server': lambda c: f"ffconcat version 1.0\nfile '{c.address}/a'\n".encode(),
    'DASH': lambda c: dash(c, f'{c.address}/a.mp4'),
    'DASH behind a mark of Matroska': lambda c: b'\x1aE\xdf\xa3' + dash(c, c.address).lower(),
    'SDP': lambda c: b'v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26\n',
    'SDP behind a mark of AVI': lambda c: b'RIFF    AVI \nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 26',
    'a track in another file': lambda c: external_track(c, c.secret / 'secret.mp4'),
    'a track on a server': lambda c: external_track(c, f'{c.address}/a.mov'),
    'an address alone': lambda c: f'{c.address}/a.mp4\n'.encode(),
}


@pytest.mark.parametrize('kind', VIDEOS)
@pytest.mark.parametrize('decoder', ['OpenClip', 'Decord', 'OpenCV', 'PyAV'])
def test_a_video(canary, corpus, kind, decoder):
    (corpus / 'video.mp4').write_bytes(VIDEOS[kind](canary))
    (corpus / 'list.txt').write_text('video 24 1')
    with pytest.raises(ClipReadError, match=r'video\.mp4 \(listed in .*list\.txt:1\): '):
        open_corpus(corpus, decoder)[0]


def test_a_video_beside_another_of_nearly_its_name(canary, corpus):
    """The host's DecordInit puts .mp4 behind a name without a suffix."""
    (corpus / 'video').write_bytes(FAST)
    (corpus / 'video.mp4').write_bytes(VIDEOS['HLS to a server'](canary))
    (corpus / 'list.txt').write_text('video 24 1')
    with pytest.raises(ClipReadError, match='listed in'):
        open_corpus(corpus, 'Decord')[0]


@pytest.mark.parametrize('what', ['pickle', 'playlist', 'nested'])
def test_a_packed_clip(canary, corpus, what):
    header = b'{"a":' * 9000
    content = {
        'pickle': canary.pickled,
        'playlist': VIDEOS['HLS to a server'](canary),
        'nested': struct.pack('<Q', len(header)) + header,
    }[what]
    (corpus / 'packed.safetensors').write_bytes(content)
    (corpus / 'list.txt').write_text('packed 24 1')
    with pytest.raises(ClipReadError, match=r'packed\.safetensors \(listed in .*list\.txt:1\): '):
        open_corpus(corpus)[0]


SIDE = 4097


def packed_header(shape, dtype='U8'):
    """Of a packed clip of one frame, all of it zero, as its checksum says."""
    known = {'format': 'dferclip_mm packed clip 1', 'sums': '[0]'}
    frame = {'dtype': dtype, 'shape': shape, 'data_offsets': [0, math.prod(shape)]}
    text = json.dumps({'__metadata__': known, '000000': frame}).encode()
    return struct.pack('<Q', len(text)) + text


@pytest.mark.parametrize(
    'shape', [(SIDE, SIDE, 3), (1, 2, 3 * SIDE**2), (3 * SIDE**2,), (1, 1, 3, SIDE**2)]
)
def test_a_packed_clip_of_frames_that_are_too_large(canary, corpus, monkeypatch, shape):
    header = packed_header(shape)
    with (corpus / 'packed.safetensors').open('wb') as file:
        file.write(header)
        # On the disk the rest takes no room.
        file.truncate(len(header) + math.prod(shape))
    (corpus / 'list.txt').write_text('packed 1 1')
    monkeypatch.setattr('dferclip_mm.datasets.transforms.packed._checksum', None)
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): expected frames of at most 16777216'):
        open_corpus(corpus)[0]


@pytest.mark.parametrize('decoder', ['OpenClip', 'RawFrame'])
@pytest.mark.parametrize('name', ['1.jpg', '3.jpg', '8.jpg'])
def test_a_folder_with_a_frame_that_is_too_large(canary, corpus, monkeypatch, decoder, name):
    (corpus / 'clip' / name).write_bytes(huge_png(SIDE))
    refused = []

    def decode(data, flags):
        refused.append(len(data))
        return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr('cv2.imdecode', decode)
    dataset = open_corpus(corpus, decoder)
    # All frames of the clip are read, so that the large one is among them.
    dataset.pipeline.transforms[1] = TRANSFORMS.build(dict(type='SampleSegments', num_frames=8))
    with pytest.raises(ClipReadError, match=rf'list\.txt:1\): .*/clip/{name} has 4097 x 4097 pix'):
        dataset[0]
    assert refused == []


# The same attacks on what is not protected: they do work, so that the tests above can fail.


def test_control_code(canary):
    path = canary.folder / 'attack'
    for write, read in (
        (zipped, lambda: torch.load(path, weights_only=False)),
        (lambda c: c.pickled, lambda: pickle.loads(path.read_bytes())),
        (object_array, lambda: dict(np.load(path, allow_pickle=True))),
        (lambda c: c.code.encode(), lambda: Config.fromstring(path.read_text(), '.py')),
        (
            lambda c: f'!!python/object/apply:builtins.open [{c.marker}, w]'.encode(),
            lambda: yaml.unsafe_load(path.read_text()),
        ),
    ):
        path.write_bytes(write(canary))
        assert not canary.fired()
        read()
        assert canary.fired()
        canary.marker.unlink()


def test_control_network(canary):
    path = canary.folder / 'upload.mp4'
    path.write_bytes(VIDEOS['HLS to a server'](canary))
    step = TRANSFORMS.build(dict(type='DecordInit'))
    with pytest.raises(Exception, match='rror'):
        step(dict(filename=str(path)))
    assert canary.requests


def test_control_reading(canary, corpus):
    (corpus / 'clip/3.jpg').unlink()
    (corpus / 'clip/3.jpg').symlink_to(canary.secret / 'clip/3.jpg')
    dataset = open_corpus(corpus, allow_outside_root=True)
    assert len(dataset[0]['imgs']) == 2
