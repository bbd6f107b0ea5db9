"""What is found in one clip, and in many clips by processes that may die."""

import multiprocessing
import os
import time

import cv2
import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from dferclip_mm.dataset_check.inspect_clips import ClipReport, inspect_clip, inspect_clips


@pytest.fixture
def clip_init():
    return TRANSFORMS.build(dict(type='ClipInit'))


def kinds(report):
    return [kind for kind, _ in report.problems]


def test_every_frame_of_a_video_is_decoded(tmp_path, video, clip_init):
    path = video(tmp_path / 'good.mp4', 60)
    report = inspect_clip(str(path), clip_init)
    assert (report.problems, report.frames, report.sizes) == ([], 60, {(48, 64): 60})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    assert kinds(inspect_clip(str(path), clip_init)) == ['undecodable']


def test_what_is_no_clip_is_a_finding(tmp_path, clip_init):
    (tmp_path / 'empty').mkdir()
    assert kinds(inspect_clip(str(tmp_path / 'empty'), clip_init)) == ['empty clip']
    path = tmp_path / 'bad.mp4'
    for content, kind in ((b'', 'empty clip'), (b'<html>not found</html>', 'undecodable')):
        path.write_bytes(content)
        report = inspect_clip(str(path), clip_init)
        assert kinds(report) == [kind]
        assert str(path) not in report.problems[0][1]


def test_a_mistake_in_reading_one_clip_is_a_finding():
    def clip_init(results):
        raise RecursionError('too deep')

    (report,) = inspect_clips([('clip', clip_init)], 0)
    assert report.problems == [('undecodable', 'reading it fails with RecursionError: too deep')]


def test_each_bad_frame_of_a_folder_is_named(tmp_path, clip_init, frames):
    folder = frames(tmp_path / 'clip', 12, names=[f'{n}.jpg' for n in range(1, 13)])
    (folder / '2.jpg').write_bytes(b'')
    (folder / '11.jpg').write_bytes((folder / '11.jpg').read_bytes()[:200])
    (folder / 'Thumbs.db').write_bytes(b'x')
    report = inspect_clip(str(folder), clip_init)
    assert report.problems == [
        ('undecodable', '2.jpg is empty'),
        ('undecodable', '11.jpg is cut short'),
    ]
    assert report.frames == 10


def test_the_digest_covers_all_frames_in_order(tmp_path, clip_init, frames):
    one = frames(tmp_path / 'one', 3)
    other = frames(tmp_path / 'other', 3, names=['a.jpg', 'b.jpg', 'c.jpg'])
    digest = inspect_clip(str(one), clip_init).digest
    assert inspect_clip(str(other), clip_init).digest == digest
    cv2.imwrite(str(other / 'c.jpg'), np.full((12, 16, 3), 200, np.uint8))
    assert inspect_clip(str(other), clip_init).digest != digest


class Fatal:
    """Opens clips, but kills its process at some of them."""

    def __init__(self, clip_init):
        self.clip_init = clip_init

    def __call__(self, results):
        if 'fatal' in results['filename']:
            os._exit(11)
        return self.clip_init(results)


def test_a_clip_that_kills_its_process_is_a_finding_and_the_rest_is_read(
    tmp_path, clip_init, frames
):
    names = [f'clip{n}' for n in range(6)] + ['fatal1', 'fatal2']
    clips = [(str(frames(tmp_path / name, 3)), Fatal(clip_init)) for name in names]
    # OpenCV has threads of its own by now.
    cv2.setNumThreads(2)
    for _ in range(20):
        cv2.resize(np.zeros((600, 600, 3), np.uint8), (900, 900))
    found = {report.path: report for report in inspect_clips(clips, 2)}
    assert set(found) == {path for path, _ in clips}
    for path, report in found.items():
        if 'fatal' in path:
            assert report == ClipReport(path, problems=[('undecodable', 'its decoder crashes')])
        else:
            assert report.frames == 3


def test_clips_are_inspected_in_a_fork_of_a_process_that_used_opencv(tmp_path, clip_init, frames):
    clips = [(str(frames(tmp_path / name, 3)), clip_init) for name in ('a', 'b')]
    cv2.setNumThreads(2)
    for _ in range(20):
        cv2.resize(np.zeros((600, 600, 3), np.uint8), (900, 900))

    def child():
        assert sum(report.frames for report in inspect_clips(clips, 2)) == 6

    # Until OpenCV's threads sleep.
    time.sleep(0.5)
    process = multiprocessing.get_context('fork').Process(target=child)
    process.start()
    process.join(60)
    process.kill()
    assert process.exitcode == 0
