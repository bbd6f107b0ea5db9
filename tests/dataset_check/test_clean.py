"""Lists are written again without the lines of bad clips."""

import shutil
from pathlib import Path

import pandas
import pytest
from clip_files import read_steps, write_frames, write_text
from mini_corpora import WRITERS
from mmaction.registry import DATASETS

from dferclip_mm.dataset_check import clean_targets, read_split, write_clean

TYPES = {'dfew': 'DFEWDataset', 'ferv39k': 'FERV39kDataset', 'mafw': 'MAFWDataset'}


@pytest.mark.parametrize(
    ('corpus', 'options'),
    [('dfew', {}), ('ferv39k', {}), ('mafw', dict(captions=True))],
)
def test_clean_lists_keep_every_other_byte_and_can_be_read(tmp_path, examine, corpus, options):
    root = WRITERS[corpus](tmp_path / 'corpus', num_frames=2)
    settings = dict(type=TYPES[corpus], data_root=str(root), pipeline=read_steps(), **options)
    (whole,), _ = examine(('train', settings))
    lost = whole.clips[2]
    shutil.rmtree(lost.path)
    splits, found = examine(('train', settings))
    ((file, (path, count)),) = write_clean(tmp_path / 'clean', splits, found).items()
    assert (file, count) == (lost.file, 1)
    assert path == tmp_path / 'clean' / lost.file.removeprefix(f'{root}/')
    before = Path(file).read_bytes().splitlines(keepends=True)
    assert path.read_bytes() == b''.join(
        line for number, line in enumerate(before, 1) if number != lost.line
    )
    again = dict(data_root=str(tmp_path / 'clean'), data_prefix=dict(clips=whole.clip_folder))
    dataset = DATASETS.build({**settings, **again, 'pipeline': []})
    paths = [dataset.get_data_info(index)['filename'] for index in range(len(dataset))]
    assert paths == [each.path for each in whole.clips if each != lost]


def test_wrong_scores_and_missing_clips_leave_the_table(tmp_path, scores, examine):
    rows = ['clip,pain,note', 'a,1,one', 'gone,2,', '', 'b,nan,', 'c,3,"open', 'd,4,"x, y"']
    write_text(tmp_path / 'data/scores.csv', '\r\n'.join(rows))
    splits, found = examine(('train', scores))
    errors = [(each.kind, each.places[0][1]) for each in found if each.severity == 'error']
    assert errors == [('list line', 5), ('list line', 6), ('missing clip', 3)]
    ((path, count),) = write_clean(tmp_path / 'clean', splits, found).values()
    assert count == 3
    assert path.read_bytes() == b'clip,pain,note\r\na,1,one\r\n\r\nd,4,"x, y"'


def test_what_has_no_lines_is_not_cleaned(tmp_path):
    write_frames(tmp_path / 'data/AFEW_Face/train/Happy/1', 2)
    pandas.DataFrame(dict(path=['1'])).to_parquet(tmp_path / 'data/own.parquet')
    own = dict(ann_file='own.parquet', data_prefix=dict(clips='AFEW_Face/train/Happy'))
    for settings, said in (
        (dict(type='AFEWDataset'), 'train is a folder and no list: move the bad clips out'),
        (
            dict(type='ClipListDataset', columns=dict(label=None), **own),
            r'own\.parquet is no text: save it as CSV',
        ),
    ):
        settings |= dict(data_root=str(tmp_path / 'data'), pipeline=[], test_mode=True)
        split, _ = read_split(settings, 'train')
        with pytest.raises(ValueError, match=said):
            clean_targets(tmp_path / 'clean', [split])
