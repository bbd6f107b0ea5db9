"""A drawn corpus with planted defects: each is found, by path, line of its list and severity."""

from __future__ import annotations

import hashlib
import json
import shutil
from itertools import product
from pathlib import Path

import pytest
from drawn_faces import write_corpus
from mmaction.registry import DATASETS
from planted_defects import CLIPS, LISTS, TRAIN, plant

ROOT = Path(__file__).resolve().parent.parent.parent
LOADERS = ('train', 'val', 'test')


@pytest.fixture(scope='module')
def clean(tmp_path_factory):
    """35 clips of five people, 28 to train with; frames named 1.jpg, 2.jpg, …, 10.jpg."""
    return write_corpus(
        tmp_path_factory.mktemp('drawn') / 'clean',
        clips_per_class=5,
        identities=5,
        size=64,
        min_frames=11,
        max_frames=12,
        folds=5,
        workers=1,
        progress=False,
    )


def contents(root: Path) -> dict[str, str]:
    """Every file and folder with its content's hash and its time."""
    return {
        str(path.relative_to(root)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else 'folder'
        )
        + str(path.stat().st_mtime_ns)
        for path in root.rglob('*')
    }


@pytest.fixture
def check(run_tool, tmp_path, capsys, monkeypatch):
    """Run the program on a corpus; exit code, printed text and findings."""
    monkeypatch.chdir(tmp_path)
    number = iter(range(100))

    def run(
        root: Path,
        *options: object,
        extra: tuple[str, ...] = (),
        config: Path = ROOT / 'configs/demo_dferclip.py',
    ):
        report = tmp_path / f'report{next(number)}.json'
        roots = [f'{name}_dataloader.dataset.data_root={root}' for name in ('train', 'val', 'test')]
        arguments = ['--workers', 0, '--report', report, *options, '--cfg-options', *roots, *extra]
        with pytest.raises(SystemExit) as ended:
            run_tool('check_dataset', config, *arguments)
        found = json.loads(report.read_text()) if report.is_file() else None
        return ended.value.code, capsys.readouterr().out, found

    return run


@pytest.mark.promise('Datasets', 'A clean corpus has no errors and no warnings')
def test_nothing_is_wrong_with_a_clean_corpus(check, clean):
    before = contents(clean)
    code, text, report = check(clean, '--folds', 'all', '--workers', 2)
    assert code == 0
    # A drawn corpus is smaller than the published one.
    assert {each['kind'] for each in report['findings']} == {'published counts'}
    assert len(report['splits']) == 10
    assert contents(clean) == before
    assert report['severity'] == 'note'
    assert 'error' not in text


@pytest.fixture(scope='module')
def planted(clean, tmp_path_factory):
    root = tmp_path_factory.mktemp('planted') / 'corpus'
    shutil.copytree(clean, root)
    return plant(root)


@pytest.mark.promise(
    'Datasets', '`check_dataset.py` finds each planted defect, with clip, line and severity'
)
def test_each_planted_defect_is_found(check, planted):
    before = contents(planted.root)
    code, text, report = check(planted.root, '--show', 100)
    assert code == 4
    found = [
        (each['kind'], each['severity'], each['clip'], place[0], sorted(line for _, line in places))
        for each in report['findings']
        for places in [each['places']]
        for place in places[:1]
    ]
    for kind, severity, clip, file, lines in planted.expected:
        assert (kind, severity, clip, str(planted.root / file), sorted(lines)) in found
    # And of errors and warnings nothing else.
    serious = [each for each in found if each[1] != 'note']
    assert len(serious) == len([each for each in planted.expected if each[1] != 'note'])
    assert contents(planted.root) == before
    # People read the same, the data's folder said once.
    for kind, _, clip, file, lines in planted.expected:
        assert kind in text
        if lines[0]:
            assert f'{file}:{lines[0]}' in text or f'{file}:{lines[-1]}' in text
        assert clip.removeprefix(f'{planted.root}/') in text
    assert text.count(str(planted.root)) == 1


def test_clean_lists_are_read_by_the_same_data_set_and_nothing_is_wrong_with_them(
    check, planted, tmp_path
):
    folder = tmp_path / 'lists'
    _, text, _ = check(planted.root, '--write-clean', folder)
    assert f"data_root='{folder}'" in text
    clips = str(planted.root / CLIPS)
    dataset = DATASETS.build(
        dict(
            type='DFEWDataset',
            data_root=str(folder),
            data_prefix=dict(clips=clips),
            pipeline=[],
        )
    )
    # Gone: five that cannot be read, two with two labels. One that was added is only a copy.
    assert len(dataset) == 28 - 5 - 2 + 1
    prefixes = tuple(f'{name}_dataloader.dataset.data_prefix.clips={clips}' for name in LOADERS)
    code, _, report = check(folder, extra=prefixes)
    assert code == 3
    assert {each['severity'] for each in report['findings']} == {'note', 'warning'}


@pytest.mark.promise('Datasets', 'The check reads each clip once for all folds')
def test_each_clip_is_read_once_for_all_folds(check, clean, monkeypatch):
    read = []

    def inspect_clips(clips, workers):
        read.extend(path for path, _ in clips)
        return iter(())

    monkeypatch.setattr('dferclip_mm.dataset_check.inspect_clips', inspect_clips)
    _, _, report = check(clean, '--folds', 1, 2)
    assert [(split['name'], split['fold'], split['clips']) for split in report['splits']] == [
        ('train', 1, 28),
        ('train', 2, 28),
        ('test', 1, 7),
        ('test', 2, 7),
    ]
    assert report['splits'][2]['published'] == 2341
    assert len(read) == len(set(read)) == 35


@pytest.mark.promise('Datasets', 'The check writes only new files, outside the dataset')
def test_only_new_files_outside_the_data_are_written(check, clean, tmp_path, monkeypatch):
    def inspect_clips(*_):
        raise AssertionError('clips were read')

    monkeypatch.setattr('dferclip_mm.dataset_check.inspect_clips', inspect_clips)
    there, clips = tmp_path / 'mine' / TRAIN, tmp_path / 'disk/faces'
    there.parent.mkdir(parents=True)
    there.write_text('mine')
    shutil.copytree(clean / CLIPS, clips)
    (tmp_path / 'link').symlink_to(clips)
    before = contents(clean), contents(clips)
    elsewhere = tuple(f'{name}_dataloader.dataset.data_prefix.clips={clips}' for name in LOADERS)
    for options, said in (
        (['--write-clean', clean / 'lists'], f'{clean}/lists lies in the data, {clean}, which'),
        (['--write-clean', clips], f'{clips} lies in the data, {clips}, which'),
        (['--write-clean', tmp_path / 'link/new'], f'link/new lies in the data, {clips}, which'),
        (['--report', clips / 'report.json'], f'report.json lies in the data, {clips}, which'),
        (['--write-clean', tmp_path / 'mine'], f'{there} is there already: choose another folder'),
        (['--report', there], f'--report: {there} is there already: choose another name'),
    ):
        code, _, _ = check(clean, *options, extra=elsewhere)
        assert code.startswith('error: ')
        assert said in code
    assert there.read_text() == 'mine'
    assert (contents(clean), contents(clips)) == before


def test_folds_without_lists_are_told_in_a_sentence(check, clean, tmp_path):
    shutil.copytree(clean, tmp_path / 'two')
    for fold, split in product((3, 4, 5), ('train', 'test')):
        (tmp_path / 'two' / LISTS.format(split, fold)).unlink()
    code, text, report = check(tmp_path / 'two', '--folds', 'all')
    assert code == 3
    assert [split['fold'] for split in report['splits']] == [1, 2, 1, 2]
    said = [each['message'] for each in report['findings'] if each['severity'] != 'note']
    assert said == ['no lists of fold 3, 4, 5; checked: 1, 2']
    assert said[0] in text


def test_what_cannot_be_checked_is_said(check, clean, tmp_path):
    for options in ([], ['--folds', 'all']):
        extra = ('train_dataloader.dataset.type=VideoDataset',)
        code, _, _ = check(clean, *options, extra=extra)
        assert code.startswith('error: train_dataloader: expected a dataset of dferclip_mm (DFEW')
        assert 'found VideoDataset, whose lists this tool cannot read' in code
    code, _, _ = check(clean, '--folds', 7)
    said = "error: --folds: expected 'all' or some of 1, 2, 3, 4, 5, found ['7']"
    assert code.splitlines()[0] == said
    code, text, report = check(tmp_path / 'nowhere')
    assert code == 4
    assert {each['kind'] for each in report['findings']} == {'settings'}
    assert 'is not a folder' in text
