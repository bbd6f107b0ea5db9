from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_faces import write_corpus

from dferclip_mm.media.images import list_frames, read_image
from dferclip_mm.media.timed_frames import read_timed_frames

REQUEST = dict(
    clips_per_class=5, identities=10, size=32, min_frames=3, max_frames=12, folds=2, seed=3
)
SMALL = dict(clips_per_class=1, min_frames=2, max_frames=3)


def written(out_dir: Path, **changes: int) -> Path:
    return write_corpus(out_dir, **dict(REQUEST, workers=1, progress=False) | changes)


@pytest.fixture(scope='module')
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp('drawn') / 'corpus')


def labels(corpus: Path, subset: str, fold: int) -> dict[int, int]:
    table = pd.read_csv(corpus / f'EmoLabel_DataSplit/{subset}(single-labeled)/set_{fold}.csv')
    return dict(zip(table['video_name'], table['label'], strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def test_lists_are_those_of_dfew(corpus: Path) -> None:
    train, test = (labels(corpus, subset, 2) for subset in ('train', 'test'))
    assert sorted([*train, *test]) == list(range(1, 36))
    assert sorted([*train.values(), *test.values()]) == sorted(5 * [*range(1, 8)])
    assert set(test.values()) == {*range(1, 8)}


def test_nobody_is_in_train_and_test_and_each_fold_tests_others(corpus: Path) -> None:
    who = pd.read_csv(corpus / 'identities.csv').set_index('clip')['identity']
    tested = []
    for fold in (1, 2):
        trained = {who[name] for name in labels(corpus, 'train', fold)}
        tested.append({who[name] for name in labels(corpus, 'test', fold)})
        assert trained.isdisjoint(tested[-1])
        assert len(trained) == 8
        assert len(tested[-1]) == 2
    assert tested[0].isdisjoint(tested[1])


def test_frames_are_numbered_without_padding_and_the_video_shows_the_same(corpus: Path) -> None:
    folders = sorted((corpus / 'Clip/clip_224x224').iterdir())
    assert [folder.name for folder in folders] == [f'{number:05d}' for number in range(1, 36)]
    lengths = {len([*folder.iterdir()]) for folder in folders}
    assert lengths <= set(range(3, 13))
    assert len(lengths) > 4
    stills = [read_image(path) for path in list_frames(str(folders[0]))]
    assert (folders[0] / '1.jpg').is_file()
    moving = [each.image for each in read_timed_frames(str(corpus / 'Clip/original/00001.mp4'))]
    assert np.shape(moving) == np.shape(stills) == (len(stills), 32, 32, 3)
    assert np.abs(np.stack(moving).astype(int) - np.stack(stills)).mean() < 12


def test_an_incomplete_corpus_is_written_anew_and_alike(tmp_path: Path) -> None:
    folder = written(tmp_path / 'corpus', **SMALL)
    before = contents(folder)
    (folder / 'Clip/clip_224x224/00004/2.jpg').unlink()
    (folder / 'EmoLabel_DataSplit/test(single-labeled)/set_2.csv').unlink()
    written(folder, **SMALL)
    assert contents(folder) == before


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    licensed = tmp_path / 'EmoLabel_DataSplit/list.csv'
    licensed.parent.mkdir()
    licensed.write_text('video_name,label\n')
    with pytest.raises(FileExistsError, match='name another folder'):
        written(tmp_path)
    assert licensed.read_text() == 'video_name,label\n'


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'identities': 4}, 'identities from 5 to 100000, found 4'),
        ({'size': 33}, 'even size, which videos need, found 33; take 34'),
        ({'min_frames': 13}, 'min_frames from 2 to 12, found 13'),
    ],
)
def test_requests_that_cannot_be_drawn_are_refused(
    tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        written(tmp_path / 'corpus', **changes)
