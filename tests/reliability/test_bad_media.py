"""Every bad file and folder with every decoder, in a child that may crash, hang or eat memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bad_media import (
    CASES,
    FAST,
    FOLDERS,
    READ,
    REFUSED,
    VIDEOS,
    frames,
    image,
    write_corpus,
)
from media_child import DECODERS, MODES, SAMPLED
from mmaction.datasets.transforms import DecordInit
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, KeyMapper, RandomApply, RandomChoice
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from dferclip_mm.datasets import DFEWDataset
from dferclip_mm.media.errors import ClipReadError

CHILD = Path(__file__).with_name('media_child.py')
TYPED = f'{ClipReadError.__module__}.{ClipReadError.__name__}'


def run_child(root: Path, *decoders: str) -> tuple[int, list[dict]]:
    """How the child ended, and what it told of each reading."""
    done = subprocess.run(
        [sys.executable, str(CHILD), str(root), *decoders],
        capture_output=True,
        check=False,
        timeout=600,
        env={**os.environ, 'PYTHONPATH': str(CHILD.parents[2]), 'OMP_NUM_THREADS': '1'},
    )
    # Decoders print to the standard error; what is told is on the standard output.
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b'{')]
    assert told, done.stderr[-2000:]
    return done.returncode, told


@pytest.fixture(scope='module')
def readings(tmp_path_factory):
    root = tmp_path_factory.mktemp('media') / 'corpus'
    root.mkdir()
    names = write_corpus(root)
    code, told = run_child(root)
    # A crash or a hang is told by the last item that began.
    assert code == 0, f'the child ended with {code} at {told[-1]}'
    assert told[-1] == {'done': True}
    found = {
        (names[item['line'] - 1], item['decoder'], item['mode']): item
        for item in told
        if 'line' in item
    }
    return root, found


def test_there_are_as_many_as_promised(readings):
    _, found = readings
    assert len(VIDEOS) >= 40
    assert len(FOLDERS) >= 20
    assert len(found) == len(CASES) * len(DECODERS) * len(MODES) == 710


@pytest.mark.parametrize('name', CASES)
def test_outcome(readings, name):
    root, found = readings
    case, line = CASES[name], list(CASES).index(name) + 1
    suits = {'ClipInit', *(('Decord', 'OpenCV', 'PyAV') if name in VIDEOS else ('RawFrame',))}
    for decoder in DECODERS:
        for mode in MODES:
            item = found[name, decoder, mode]
            if 'error' in item:
                assert item['error'] == TYPED, item
                place = f' (listed in {root}/list.txt:{line}): '
                assert item['said'].startswith(f'{root}/clips/{line}/'), item
                assert place in item['said'], item
                assert len(item['said'].split(place)[1]) > 10, item
                # Of a host's decoder a refusal is documented success too.
                assert case.outcome != READ or decoder != 'ClipInit', item
            else:
                assert case.outcome != REFUSED, item
                assert decoder in suits, item
                assert item['shape'] == [SAMPLED, 3, 16, 16], item
                assert item['distinct'] >= case.distinct, item


@pytest.mark.parametrize('decoder', ['Decord', 'OpenCV', 'PyAV'])
def test_a_hosts_decoder_reads_sound_videos(readings, decoder):
    """The guard would be easily satisfied by letting nothing pass."""
    _, found = readings
    for name in ('one frame', 'five frames', 'suffix in capitals', 'noise behind its end'):
        assert 'distinct' in found[name, decoder, 'testing'], found[name, decoder, 'testing']
    assert 'distinct' in found['counted from zero', 'ClipInit', 'testing']
    assert 'distinct' in found['more frames than listed', 'RawFrame', 'testing']


def dataset(root, pipeline, **options):
    return DFEWDataset(
        data_root=str(root),
        ann_file='list.txt',
        data_prefix=dict(clips='clips'),
        pipeline=pipeline,
        **options,
    )


@pytest.fixture
def corpus(tmp_path):
    """Two clips: a video and a folder."""
    root = tmp_path / 'corpus'
    for name in ('a', 'b'):
        (root / 'clips' / name).mkdir(parents=True)
    (root / 'clips/a/clip.mp4').write_bytes(FAST)
    frames()(root / 'clips/b')
    (root / 'list.txt').write_text('a/clip 24 1\nb/clip 8 2\n')
    return root


def fifo(place):
    os.mkfifo(place)


def loop(place):
    place.symlink_to(place.name)


def dangling(place):
    place.symlink_to('gone.mp4')


def device(place):
    place.symlink_to('/dev/zero')


def outside(place):
    (place.parents[3] / 'secret.mp4').write_bytes(FAST)
    place.symlink_to('../../../secret.mp4')


@pytest.mark.parametrize('make', [fifo, loop, dangling, device, outside, None])
def test_what_is_no_clip_at_all_is_named_when_the_run_is_built(corpus, make):
    (corpus / 'clips/a/clip.mp4').unlink()
    if make:
        make(corpus / 'clips/a/clip.mp4')
    with pytest.raises((FileNotFoundError, ValueError), match=r'list\.txt:1'):
        dataset(corpus, [])


def test_links_may_lead_out_where_the_config_says_so(corpus):
    (corpus / 'clips/a/clip.mp4').unlink()
    outside(corpus / 'clips/a/clip.mp4')
    (corpus / 'clips/b/clip/3.jpg').unlink()
    (corpus.parent / 'frame.jpg').write_bytes(image())
    (corpus / 'clips/b/clip/3.jpg').symlink_to(corpus.parent / 'frame.jpg')
    pipeline = [dict(type='ClipInit')]
    allowed = dataset(corpus, pipeline, allow_outside_root=True)
    assert [allowed[index]['total_frames'] for index in range(2)] == [24, 8]
    with pytest.raises(ValueError, match=r"list\.txt:1: 'a/clip': .*allow_outside_root=True"):
        dataset(corpus, pipeline)
    (corpus / 'list.txt').write_text('b/clip 8 2\n')
    refused = dataset(corpus, pipeline, unreadable='raise')
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): .*found a link to .*frame\.jpg'):
        refused[0]


@pytest.mark.parametrize('decoder', ['ClipInit', 'Decord', 'OpenCV', 'PyAV'])
def test_a_clip_that_goes_after_the_start_is_named(corpus, decoder):
    opened, decoded = DECODERS[decoder]
    pipeline = [dict(type=opened), dict(type='SampleSegments', num_frames=2), dict(type=decoded)]
    clips = dataset(corpus, pipeline, unreadable='raise')
    assert len(clips[0]['imgs']) == 2
    (corpus / 'clips/a/clip.mp4').unlink()
    with pytest.raises(ClipReadError, match=r'clip\.mp4 \(listed in .*list\.txt:1\): '):
        clips[0]


def pipe_behind_a_link(place):
    os.mkfifo(place.parents[1] / 'pipe')
    place.symlink_to('../pipe')


@pytest.mark.parametrize('decoder', ['ClipInit', 'RawFrame'])
@pytest.mark.parametrize('make', [fifo, device, pipe_behind_a_link])
@pytest.mark.parametrize('outside_root', [False, True])
def test_a_pipe_or_device_in_the_place_of_a_frame_is_refused(corpus, decoder, make, outside_root):
    frame = corpus / 'clips/b/clip/3.jpg'
    frame.unlink()
    make(frame)
    opened, decoded = DECODERS[decoder]
    steps = [dict(type=opened), dict(type='SampleSegments', num_frames=8), dict(type=decoded)]
    clips = dataset(corpus, steps, unreadable='raise', allow_outside_root=outside_root)
    with pytest.raises(
        ClipReadError, match=r'list\.txt:2\): expected .*3\.jpg|a link to /dev/zero'
    ):
        clips[1]


@pytest.mark.parametrize('decoder', ['ClipInit', 'Decord', 'OpenCV', 'PyAV'])
def test_a_video_that_becomes_a_pipe_is_refused(corpus, decoder):
    opened, decoded = DECODERS[decoder]
    clips = dataset(corpus, [dict(type=opened), dict(type=decoded)], unreadable='raise')
    (corpus / 'clips/a/clip.mp4').unlink()
    os.mkfifo(corpus / 'clips/a/clip.mp4')
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): expected files and folders alone'):
        clips[0]


class OwnDecord(DecordInit):
    """A user's own, as `DecordInit` is."""

    def transform(self, results):
        if results.get('mistake'):
            raise KeyError('mistake')
        return super().transform(results)


NESTED = {
    'RandomApply': lambda: RandomApply([dict(type='DecordInit')], prob=1.0),
    'RandomChoice': lambda: RandomChoice([[dict(type='DecordInit')], [dict(type='DecordInit')]]),
    'KeyMapper': lambda: KeyMapper([dict(type='DecordInit')], auto_remap=False),
    'within both': lambda: RandomApply([RandomChoice([[OwnDecord()]])], prob=1.0),
    'subclass': OwnDecord,
}


@pytest.mark.parametrize('kind', NESTED)
def test_a_hosts_decoder_is_found_wherever_it_stands(corpus, kind):
    (corpus / 'clips/a/clip.mp4').write_bytes(FAST[: len(FAST) // 2] + bytes(len(FAST) // 2))
    clips = dataset(corpus, [NESTED[kind]()], unreadable='raise')
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): a frame '):
        clips[0]


def test_what_a_user_adds_to_a_hosts_decoder_may_be_the_users_mistake(corpus):
    clips = dataset(corpus, [lambda results: {**results, 'mistake': True}, OwnDecord()])
    with pytest.raises(KeyError, match='mistake'):
        clips[0]


def test_a_video_is_decoded_beforehand_once_for_all_workers_and_epochs(corpus, monkeypatch):
    log = corpus / 'decoded.txt'

    def decode(path):
        with log.open('a') as file:
            print(path, file=file)

    monkeypatch.setattr('dferclip_mm.media.validate.decode_strictly', decode)
    paths = [corpus / f'clips/{name}/clip.mp4' for name in 'acde']
    for path in paths[1:]:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(FAST)
    (corpus / 'list.txt').write_text(''.join(f'{name}/clip.mp4 24 1\n' for name in 'acde'))
    steps = [
        dict(type='OpenCVInit'),
        dict(type='SampleSegments', num_frames=2),
        dict(type='OpenCVDecode'),
        dict(type='PackActionInputs', collect_keys=('imgs',)),
    ]
    clips = dataset(corpus, steps, unreadable='raise')
    for _ in range(2):
        # Workers of one epoch alone: what they know themselves is lost.
        loader = DataLoader(clips, num_workers=2, collate_fn=pseudo_collate)
        assert sum(1 for _ in loader) == 4
    assert sorted(log.read_text().split()) == [str(path) for path in paths]
    # Another file of the same name is another video; so is that of a subset's number.
    paths[1].write_bytes(FAST + bytes(100))
    clips[0], clips[1]
    part = clips.get_subset([2])
    part[0], clips[2]
    assert log.read_text().split()[4:] == [str(paths[1]), str(paths[2])]


class Cached(BaseTransform):
    """In the place of a clip something that was made of it before."""

    reads_files = False

    def transform(self, results):
        return results


def test_a_clip_that_is_not_read_is_not_looked_at(corpus):
    cached = dataset(corpus, [Cached()])
    undecoded = dataset(corpus, [lambda results: results], unreadable='raise')
    decoded = dataset(corpus, [Cached(), dict(type='OpenCVInit')], unreadable='raise')
    (corpus / 'clips/a/clip.mp4').write_bytes(b'')
    assert cached[0]['filename'] == str(corpus / 'clips/a/clip.mp4')
    for clips in (undecoded, decoded):
        with pytest.raises(ClipReadError, match='found an empty file'):
            clips[0]


@TRANSFORMS.register_module()
class Broken(BaseTransform):
    """A mistake of the user's own, which no other clip would mend."""

    def transform(self, results):
        raise KeyError('mistake')


def test_mistakes_in_a_pipeline_are_not_put_down_to_the_clip(corpus):
    for steps in ([dict(type='Broken')], [dict(type='DecordInit'), dict(type='Broken')]):
        with pytest.raises(KeyError, match='mistake'):
            dataset(corpus, steps)[0]


def test_a_decoder_within_another_transform_is_known(corpus):
    np.random.seed(0)
    inner = [dict(type='OpenCVInit'), dict(type='Broken')]
    steps = [dict(type='RandomApply', prob=1.0, transforms=inner)]
    with pytest.raises(KeyError, match='mistake'):
        dataset(corpus, steps)[0]
    steps[0]['transforms'] = [dict(type='RawFrameDecode')]
    with pytest.raises(ClipReadError, match=r'list\.txt:1\): RawFrameDecode fails on it: KeyError'):
        dataset(corpus, steps, unreadable='raise')[0]
