"""Invalid input ends train.py in one sentence, before the first step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mini_corpora import write_dfew, write_text

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = 'EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
RunTool = Callable[..., None]


@pytest.fixture(scope='module')
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dfew(tmp_path_factory.mktemp('dfew'))


@pytest.fixture
def train(work_dir: Path, corpus: Path, run_tool: RunTool) -> Callable[..., None]:
    """Run train.py on a copy of the corpus with some settings; it must end in one sentence."""
    shutil.copytree(corpus, work_dir / 'data')

    def run(said: str, *options: str, data_root: str = 'data') -> None:
        config = ROOT / 'configs' / 'demo_dferclip.py'
        settings = ('--cfg-options', *options) if options else ()
        with pytest.raises(SystemExit, match=said) as caught:
            run_tool('train', config, '--work-dir', 'run', '--data-root', data_root, *settings)
        assert '\n' not in str(caught.value)
        assert not list(Path('run').glob('*.pth'))

    return run


PROMPTS = 'model.cls_head.prompts'
CLASSES = 'model.cls_head.classes'


@pytest.mark.parametrize(
    ('said', 'options'),
    [
        (
            r"prompts='descriptoins' is neither a prompt set \(class_names",
            [f'{PROMPTS}=descriptoins'],
        ),
        (
            r'no prompt file at my/own.json \(working directory .*\); prompt sets: class_names',
            [f'{PROMPTS}=my/own.json'],
        ),
        (r'prompts has 3 entries for 2 classes', [f'{CLASSES}=[a,b]', f'{PROMPTS}=[x,y,z]']),
        (r'but train_dataloader has happiness', [f'{CLASSES}=mafw']),
        (r'no checkpoint at gone.pth', ['load_from=gone.pth']),
    ],
)
def test_an_invalid_setting_is_refused(
    train: Callable[..., None], said: str, options: list[str]
) -> None:
    train(said, *options)


@pytest.mark.parametrize(
    ('said', 'table'),
    [
        (r"own\.json has no prompt for the class 'happiness'", '{"anger": "a frown"}'),
        (r'has 81 tokens, but only 67 of 77 are free', f'{{"*": "{"word " * 80}{{}}"}}'),
    ],
)
def test_an_invalid_prompt_file_is_refused(
    train: Callable[..., None], said: str, table: str
) -> None:
    write_text(Path('own.json'), table)
    train(said, f'{PROMPTS}=own.json')


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('video_name,label\n', r'set_1\.csv: expected at least one clip, found none'),
        ('video_name,label\n1,1\n3\n', r'set_1\.csv:3: expected'),
        ('video_name,label\n1,8\n', r'set_1\.csv:2: expected a label .*8'),
        ('video_name,label\n1,1\n99,2\n', r'1 of 2 listed clips .*set_1\.csv:3'),
    ],
)
def test_an_invalid_list_is_refused(train: Callable[..., None], text: str, said: str) -> None:
    write_text(Path('data') / LIST, text)
    train(said)


def test_a_missing_list_is_refused(train: Callable[..., None]) -> None:
    (Path('data') / LIST).unlink()
    train(r'expected the list of fold 1 \(train\) at .*set_1\.csv, found no such file')


def test_a_missing_data_root_is_refused(train: Callable[..., None]) -> None:
    train(r"data_root='nowhere' is not a folder", data_root='nowhere')
