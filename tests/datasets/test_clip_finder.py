import os

import pytest

from dferclip_mm.datasets.clip_finder import ClipFinder
from dferclip_mm.media.images import natural_key


@pytest.fixture
def base(tmp_path):
    for folder in ('a/00001', 'a/00002', 'b'):
        (tmp_path / folder).mkdir(parents=True)
    for name in (
        'a/00002.mp4',
        'a/00003.AVI',
        'a/plain',
        'a/notes.txt',
        'b/00001.mp4',
        'b/x y.mp4',
    ):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ('reference', 'found'),
    [
        ('a/00001', 'a/00001'),
        ('a/00001.mp4', 'a/00001'),
        ('a/00002', 'a/00002'),
        ('a/00002.mp4', 'a/00002'),
        ('a/00003', 'a/00003.AVI'),
        ('a/00003.mp4', 'a/00003.AVI'),
        ('a/plain', 'a/plain'),
        ('b/x y', 'b/x y.mp4'),
        ('a/notes', None),
        ('a/notes.txt', None),
        ('a/4', None),
        ('c/00001', None),
        ('a/plain/00001', None),
    ],
)
def test_a_clip_is_a_folder_or_a_video(base, reference, found):
    expected = None if found is None else str(base / found)
    assert ClipFinder(str(base)).find(reference) == expected


def test_the_longest_trailing_part_wins(base):
    (base / '00001').mkdir()
    finder = ClipFinder(str(base))
    assert finder.find_by_suffix('home/them/b/00001') == str(base / 'b/00001.mp4')
    assert finder.find_by_suffix('home/them/00001') == str(base / '00001')
    assert finder.find_by_suffix('home/them/00009') is None


def test_each_folder_is_listed_once(base, monkeypatch):
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, 'scandir', lambda path: listed.append(path) or scandir(path))
    finder = ClipFinder(str(base))
    for _ in range(3):
        for reference in ('a/00001', 'a/00002', 'a/9', 'b/00001'):
            finder.find(reference)
    assert sorted(listed) == sorted([str(base), str(base / 'a'), str(base / 'b')])


def test_links_are_followed_and_those_to_nothing_are_no_clips(tmp_path):
    for folder in ('root', 'outside/clip'):
        (tmp_path / folder).mkdir(parents=True)
    root = tmp_path / 'root'
    (root / 'out').symlink_to(tmp_path / 'outside')
    (root / 'dangling.mp4').symlink_to(tmp_path / 'nothing')
    (root / 'itself').symlink_to(root / 'itself')
    finder = ClipFinder(str(root))
    assert finder.find('out/clip') == str(root / 'out/clip')
    assert finder.find('dangling') is None
    assert finder.find('itself') is None


def test_numbered_names_are_in_natural_order():
    names = ['10.jpg', '2.jpg', '1.jpg', 'b_1.jpg', 'a_10.jpg', 'a_9.jpg', '01.jpg']
    assert sorted(names, key=natural_key) == [
        '01.jpg',
        '1.jpg',
        '2.jpg',
        '10.jpg',
        'a_9.jpg',
        'a_10.jpg',
        'b_1.jpg',
    ]
