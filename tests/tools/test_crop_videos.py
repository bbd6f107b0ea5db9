from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from analyzed_clips import person, write_people
from clip_files import write_frames, write_text
from mmaction.registry import DATASETS

from dferclip_mm.faces.crop import DEFAULT_TEMPLATE, read_template
from dferclip_mm.precompute import face_clips
from dferclip_mm.precompute.clip_sources import list_clips

CONFIG = Path(__file__).parents[2] / 'configs' / 'demo_dferclip.py'
LABELS = {'00001': 4, '00002': 7, '00003': 1, '00004': 2}
RunTool = Callable[..., None]


@pytest.fixture
def corpus(work_dir: Path) -> Path:
    """Four videos and DFEW's lists of them; 00003 shows nobody, 00004 two people."""
    root = work_dir / 'videos'
    root.mkdir()
    roles = {name: [person(int(name))] for name in LABELS}
    roles['00003'] = []
    roles['00004'].append(person(9, 1.3, 0.4))
    for name, cast in roles.items():
        write_people(root / f'{name}.mp4', *cast, seconds=13 / 12)
        (root / f'{name}.json').unlink()
    for name, clips in {'train': ('00001', '00003', '00004'), 'test': ('00002',)}.items():
        rows = [f'{int(clip)},{LABELS[clip]}' for clip in clips]
        write_text(root / f'{name}.csv', '\n'.join(['video_name,label', *rows]))
    return root


def report_of(out: Path) -> dict[str, dict[str, str]]:
    with (out / 'report.csv').open(newline='') as file:
        return {row['clip']: row for row in csv.DictReader(file)}


def test_a_list_of_videos_becomes_a_dataset_that_the_check_is_content_with(
    corpus: Path, run_tool: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    run_tool('crop', 'videos/train.csv', 'faces', '--workers', 1)
    printed = capsys.readouterr().out
    assert 'clips: 3, written: 2\n' in printed
    assert '1 left out, with no face in enough frames (--min-seen): 00003' in printed
    assert '1 with several faces, of which the largest is taken: 00004' in printed
    run_tool('crop', 'videos/test.csv', 'faces', '--workers', 0)
    report = report_of(Path('faces'))
    assert {name: (row['frames'], row['faces']) for name, row in report.items()} == {
        '00001': ('13', '1'), '00002': ('13', '1'), '00003': ('13', '0'), '00004': ('13', '2'),
    }  # fmt: skip
    assert Path('faces/train.csv').read_text() == 'video_name,label\n1,4\n4,2\n'
    assert cv2.imread('faces/sheet.jpg').shape[2] == 3
    assert read_template('faces/crop.json').size == DEFAULT_TEMPLATE.size
    dataset = DATASETS.build(
        dict(type='DFEWDataset', data_root='faces', ann_file='train.csv', pipeline=[])
    )
    labels = [dataset.metainfo['classes'][info['label']] for info in dataset]
    assert labels == ['anger', 'sadness']
    lists = {'train': 'train.csv', 'val': 'test.csv', 'test': 'test.csv'}
    options = [f'{name}_dataloader.dataset.ann_file={file}' for name, file in lists.items()]
    words = ('--workers', 0, '--data-root', 'faces', '--report', 'check.json')
    with pytest.raises(SystemExit):
        run_tool('check_dataset', CONFIG, *words, '--cfg-options', *options)
    findings = json.loads(Path('check.json').read_text())['findings']
    # Of so few clips there is nothing else to say.
    assert {each['kind'] for each in findings} == {'class without clips', 'published counts'}


def test_a_second_call_crops_what_is_missing_and_with_the_same_settings(
    corpus: Path, run_tool: RunTool, capsys: pytest.CaptureFixture[str]
) -> None:
    write_frames(corpus, 1)
    call = ('crop', 'videos', 'faces', '--workers', 0, '--size', 64)
    run_tool(*call)
    assert Path('faces/clips.csv').read_text() == 'path\n00001\n00002\n00004\n'
    printed = capsys.readouterr().out
    assert 'once you have added a column "label" to it' in printed
    assert 'pictures beside them, which are no clips: 1' in printed
    first = report_of(Path('faces'))
    kept = Path('faces/00001/00001.jpg').stat().st_mtime_ns
    assert not Path('faces/.unfinished').exists()
    mine = write_text(Path('faces/00002.tmp/mine.txt'), 'mine')
    shutil.rmtree('faces/00002')
    # What a killed program leaves of a line.
    with Path('faces/report.csv').open('a') as file:
        file.write('00004,1')
    capsys.readouterr()
    run_tool(*call)
    assert '3 of 4 clips are there' in capsys.readouterr().out
    assert report_of(Path('faces')) == first
    assert Path('faces/00001/00001.jpg').stat().st_mtime_ns == kept
    assert cv2.imread('faces/00002/00013.jpg').shape == (64, 64, 3)
    assert mine.read_text() == 'mine'
    with pytest.raises(SystemExit, match='faces was begun with every=3, found 1: give the same'):
        run_tool(*call, '--every', 1)


def test_folders_are_the_labels_that_a_dataset_reads(tmp_path: Path) -> None:
    rows = list_clips(['fear/one, two', 'joy/three'])
    assert rows[1:] == [('"fear/one, two",fear', 'fear/one, two'), ('joy/three,joy', 'joy/three')]
    write_text(tmp_path / 'clips.csv', '\n'.join(line for line, _ in rows))
    for _, name in rows[1:]:
        write_frames(tmp_path / name, 1)
    dataset = DATASETS.build(
        dict(type='ClipListDataset', data_root=str(tmp_path), ann_file='clips.csv', pipeline=[])
    )
    assert [dataset.metainfo['classes'][info['label']] for info in dataset] == ['fear', 'joy']


def test_ctrl_c_leaves_the_clips_that_are_done(
    corpus: Path,
    run_tool: RunTool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = []
    read = face_clips.read_source

    def interrupted(source: str) -> object:
        begun.append(source)
        if len(begun) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return read(source)

    monkeypatch.setattr(face_clips, 'read_source', interrupted)
    with pytest.raises(SystemExit) as ended:
        run_tool('crop', 'videos', 'faces', '--workers', 0)
    assert ended.value.code == 130
    assert 'interrupted: 3 clips are left' in capsys.readouterr().err
    assert Path('faces/clips.csv').read_text() == 'path\n00001\n'
    report = report_of(Path('faces'))
    assert report['00001']['problem'] == ''
    assert {row['problem'] for name, row in report.items() if name != '00001'} == {
        'not cropped yet'
    }


def test_a_clip_that_could_not_be_read_is_read_again(corpus: Path, run_tool: RunTool) -> None:
    video = corpus / '00002.mp4'
    whole = video.read_bytes()
    video.write_bytes(b'')
    run_tool('crop', 'videos', 'faces', '--workers', 0)
    assert 'empty file' in report_of(Path('faces'))['00002']['problem']
    video.write_bytes(whole)
    run_tool('crop', 'videos', 'faces', '--workers', 0)
    row = report_of(Path('faces'))['00002']
    assert (row['written'], row['problem']) == ('13', '')


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['missing.csv', 'faces'], 'missing.csv'),
        (['videos/00001.mp4', 'faces'], 'videos/00001.mp4 is one video: give the folder'),
        (['videos', 'faces', '--every', '0'], '--every: expected 1 or more, found 0'),
        (['videos', 'videos/faces'], 'videos/faces lies in the folder of the clips, videos'),
        (['videos', 'faces', '--detector', 'boxes.csv'], 'found boxes of one video'),
        (['videos', 'faces', '--template', 'other.json'], 'other.json'),
    ],
)
def test_wrong_input_ends_in_one_sentence_and_writes_nothing(
    corpus: Path, run_tool: RunTool, words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        run_tool('crop', *words)
    assert said in str(end.value)
    assert len(str(end.value).splitlines()) <= 2
    assert not Path('faces').exists()


@pytest.mark.parametrize('begun', [False, True])
@pytest.mark.parametrize('name', ['test.csv', '00002/mine.txt'])
def test_what_the_program_has_not_made_is_kept(
    corpus: Path, run_tool: RunTool, name: str, begun: bool
) -> None:
    if begun:
        run_tool('crop', 'videos/train.csv', 'faces', '--workers', 0)
    mine, place = write_text(Path('faces') / name, 'mine'), name.partition('/')[0]
    before = [*Path('faces').iterdir()]
    with pytest.raises(SystemExit, match=f'faces/{place} is there, and was not made by this'):
        run_tool('crop', 'videos/test.csv', 'faces', '--workers', 0)
    assert [*Path('faces').iterdir()] == before
    assert mine.read_text() == 'mine'
