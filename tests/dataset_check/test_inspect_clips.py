"""What is found in one clip, and in many by processes that may die."""

import os
import time
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.dataset_check import ClipReport, inspect_clip, inspect_clips
from dferclip_mm.media.errors import ClipReadError


@pytest.fixture
def opener():
    return TRANSFORMS.build(dict(type='ClipInit'))


def kinds(facts):
    return [kind for kind, _ in facts.problems]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_every_frame_of_a_video_is_decoded(tmp_path, video, opener, suffix):
    path = video(tmp_path / f'good{suffix}', 20)
    facts = inspect_clip(str(path), opener)
    assert facts.problems == []
    assert facts.frames == 20
    assert facts.sizes == {(48, 64): 20}
    # Frames of one grey level show nothing.
    assert facts.flat == 20


@pytest.mark.parametrize(
    ('content', 'kind'),
    [
        (b'', 'empty clip'),
        (b'<html>not found</html>', 'undecodable'),
        (b'#EXTM3U\n#EXT-X-TARGETDURATION:1\n/etc/passwd\n', 'undecodable'),
        (bytes(range(256)) * 40, 'undecodable'),
    ],
)
def test_what_is_no_video(tmp_path, opener, content, kind):
    path = tmp_path / 'bad.mp4'
    path.write_bytes(content)
    facts = inspect_clip(str(path), opener)
    assert kinds(facts) == [kind]
    assert str(path) not in facts.problems[0][1]


@pytest.mark.parametrize('suffix', ['.mp4', '.avi'])
def test_a_cut_video_is_found(tmp_path, video, opener, suffix):
    path = video(tmp_path / f'cut{suffix}', 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert kinds(inspect_clip(str(path), opener)) == ['undecodable']


def test_each_bad_frame_of_a_folder_is_named(tmp_path, opener, frames):
    folder = frames(tmp_path / 'clip', 12, names=[f'{n}.jpg' for n in range(1, 13)])
    (folder / '2.jpg').write_bytes(b'')
    (folder / '11.jpg').write_bytes((folder / '11.jpg').read_bytes()[:200])
    (folder / 'Thumbs.db').write_bytes(b'x')
    facts = inspect_clip(str(folder), opener)
    assert facts.problems == [
        ('undecodable', '2.jpg is empty'),
        ('undecodable', '11.jpg is cut short'),
    ]
    assert facts.frames == 10
    assert facts.text_order


def test_content_is_compared_by_all_frames_in_their_order(tmp_path, opener, frames):
    one = frames(tmp_path / 'one', 3)
    other = frames(tmp_path / 'other', 3, names=['a.jpg', 'b.jpg', 'c.jpg'])
    digest = inspect_clip(str(one), opener).digest
    assert inspect_clip(str(other), opener).digest == digest
    cv2.imwrite(str(other / 'c.jpg'), np.full((12, 16, 3), 200, np.uint8))
    assert inspect_clip(str(other), opener).digest != digest


class Fatal:
    """Opens clips, but kills its process at some."""

    def __init__(self, opener):
        self.opener = opener

    def __call__(self, results):
        if 'fatal' in results['filename']:
            os._exit(11)
        return self.opener(results)


@pytest.mark.promise('Datasets', 'A clip that kills its decoder is named, and the others are read')
def test_a_clip_that_kills_its_process_is_found_and_the_others_are_read(tmp_path, opener, frames):
    names = [f'clip{n}' for n in range(6)] + ['fatal1', 'fatal2']
    clips = [(str(frames(tmp_path / name, 3)), Fatal(opener)) for name in names]
    found = {facts.path: facts for facts in inspect_clips(clips, 2)}
    assert set(found) == {path for path, _ in clips}
    for path, facts in found.items():
        if 'fatal' in path:
            assert facts == ClipReport(path, problems=[('undecodable', 'its decoder crashes')])
        else:
            assert facts.frames == 3


class DiesFirst:
    """Kills its process at the first clip, and at no other."""

    def __call__(self, results):
        if results['filename'] == 'clip0':
            os._exit(11)
        raise ClipReadError('nothing there')


def test_a_decoder_that_dies_while_clips_are_still_handed_out(monkeypatch):
    clips = [(f'clip{n}', DiesFirst()) for n in range(3000)]
    submitted = []
    submit = ProcessPoolExecutor.submit

    def slow_submit(pool, *args):
        # The pool breaks with most clips still to be submitted, however fast the machine is.
        if len(submitted) == 20:
            time.sleep(1)
        future = submit(pool, *args)
        submitted.append(args)
        return future

    monkeypatch.setattr(ProcessPoolExecutor, 'submit', slow_submit)
    found = {facts.path: facts.problems for facts in inspect_clips(clips, 2)}
    assert set(found) == {path for path, _ in clips}
    assert found['clip0'] == [('undecodable', 'its decoder crashes')]
    assert found['clip2999'] == [('undecodable', 'nothing there')]


def test_a_mistake_in_reading_one_clip_is_a_finding():
    def opener(results):
        raise RecursionError('too deep')

    facts = inspect_clip('clip', opener)
    assert facts.problems == [('undecodable', 'reading it fails with RecursionError: too deep')]
    (other,) = inspect_clips([('clip', opener)], 0)
    assert other == facts


def test_a_folder_that_a_link_leads_out_of_is_not_empty(tmp_path, frames):
    folder = frames(tmp_path / 'root/clip', 3)
    (folder / 'out.jpg').symlink_to(frames(tmp_path / 'other', 1) / '00001.jpg')
    guarded = ClipOpener(MediaValidator([str(tmp_path / 'root')]))
    facts = inspect_clip(str(folder), guarded)
    assert kinds(facts) == ['undecodable']
    assert facts.problems[0][1].startswith('expected a clip inside')
    assert 'None' not in facts.problems[0][1]
    (tmp_path / 'empty').mkdir()
    assert kinds(inspect_clip(str(tmp_path / 'empty'), guarded)) == ['empty clip']
