from __future__ import annotations

from pathlib import Path

import pytest
from clip_files import write_frames, write_text

from dferclip_mm.datasets.list_text import ListError
from dferclip_mm.precompute.clip_sources import find_clips, read_clip_list


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Videos, a frame folder, and what is no clip."""
    for name in ('happy/one.mp4', 'happy/two words.MOV', '00007.avi', 'notes.txt', '.hidden.mp4'):
        write_text(tmp_path / 'data' / name, '')
    write_frames(tmp_path / 'data/sad/10', 1)
    return tmp_path / 'data'


def test_a_folder_has_videos_and_frame_folders_by_their_names(root: Path) -> None:
    found = find_clips(root)
    assert {*found} == {'happy/one', 'happy/two words', '00007', 'sad/10'}
    assert found['happy/two words'] == str(root / 'happy/two words.MOV')
    (root / 'happy.mp4').touch()
    with pytest.raises(ValueError, match=r'one\.mp4 would lie in the folder of .*happy\.mp4'):
        find_clips(root)
    (root / 'happy/one.webm').touch()
    with pytest.raises(ValueError, match=r'one\.mp4 and .*one\.webm have one name'):
        find_clips(root)
    with pytest.raises(ValueError, match='expected videos or frame folders below it, found none'):
        find_clips(root / 'sad/10')


@pytest.mark.parametrize(
    ('line', 'clip'),
    [
        ('happy/one.mp4 anger', 'happy/one'),
        ('happy/two words.MOV anger', 'happy/two words'),
        ('happy/one.mp4\tanger\t一个人\tA person, who smiles.', 'happy/one'),
        ('/home/somebody/data/sad/10 34 5', 'sad/10'),
        ('7,3', '00007'),
        ('happy/two words', 'happy/two words'),
    ],
)
def test_a_line_of_each_corpus_names_its_clip(root: Path, line: str, clip: str) -> None:
    path = write_text(root.parent / 'list.txt', f'{line}\n\n', 'gb18030')
    lines, clips = read_clip_list(path, root)
    assert lines == [(line, clip)]
    assert [*clips] == [clip]


@pytest.mark.parametrize('separator', [',', '\t'])
def test_a_table_names_the_column_of_its_clips(root: Path, separator: str) -> None:
    lines = ['label,Path,subject', '10,"happy/two words",7', '3,sad/10,8']
    lines = [line.replace(',', separator) for line in lines]
    path = write_text(root / 'list.csv', '\r\n'.join(lines))
    assert read_clip_list(path, root)[0] == [
        *zip(lines, ['', 'happy/two words', 'sad/10'], strict=True)
    ]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('happy/one 1\nhappy/three 2\n', r"list\.txt:2: expected a clip below .*'happy/three 2'"),
        ('path,start,end\nhappy/one,0,2\n', r'list\.txt:1: expected whole clips; cut the videos'),
        ('00007.avi,1\n00007.mp4,2\n', r'list\.txt:2: expected one file named 00007, .*00007\.avi'),
        ('video_name,label\n', r'list\.txt: expected at least one clip'),
        ('', r'list\.txt: expected at least one clip'),
    ],
)
def test_a_list_that_names_no_clip_is_refused(root: Path, text: str, message: str) -> None:
    (root / '00007.mp4').touch()
    with pytest.raises(ListError, match=message):
        read_clip_list(write_text(root / 'list.txt', text), root)
