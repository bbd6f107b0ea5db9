"""Invalid input ends train.py in one sentence, before the first step."""

from __future__ import annotations

from pathlib import Path

import pytest
from mini_corpora import write_dfew, write_text
from small_runs import CONFIGS, run_tool

LIST = 'data/EmoLabel_DataSplit/train(single-labeled)/set_1.csv'
PROMPTS = ['model.cls_head.prompts=own.json']
LONG_PROMPT = f'{{"*": "{"word " * 80}{{}}"}}'


# The sentence, the options, and the text of a file: own prompts or the list.
@pytest.mark.parametrize(
    ('said', 'options', 'text'),
    [
        (
            "prompts='descriptoins' is neither a prompt set",
            ['model.cls_head.prompts=descriptoins'],
            '',
        ),
        (
            'prompts has 3 entries for 2 classes',
            ['model.cls_head.classes=[a,b]', 'model.cls_head.prompts=[x,y,z]'],
            '',
        ),
        (r"train_cfg\.max_epoch: 'max_epoch' is unknown, did", ['train_cfg.max_epoch=1'], ''),
        (r"argument 'lrr'", ['optim_wrapper.optimizer.lrr=1'], ''),
        (r'but train_dataloader has happiness', ['model.cls_head.classes=mafw'], ''),
        (r'no checkpoint at gone\.pth', ['load_from=gone.pth'], ''),
        (r"own\.json has no prompt for the class 'happiness'", PROMPTS, '{"anger": "a frown"}'),
        (r'has 81 tokens, but only 67 of 77 are free', PROMPTS, LONG_PROMPT),
        (r'set_1\.csv: expected at least one clip', [], 'video_name,label\n'),
        (r'set_1\.csv:3: expected', [], 'video_name,label\n1,1\n3\n'),
        (r'set_1\.csv:2: expected a label .*8', [], 'video_name,label\n1,8\n'),
        (r'1 of 2 listed clips .*set_1\.csv:3', [], 'video_name,label\n1,1\n99,2\n'),
        (
            r'expected the list of fold 4 \(train\) at .*set_4',
            ['train_dataloader.dataset.fold=4'],
            '',
        ),
        (
            r"data_prefix\['clips'\]='nowhere' is not a folder",
            ['train_dataloader.dataset.data_prefix.clips=nowhere'],
            '',
        ),
    ],
)
def test_invalid_input_is_refused_in_one_sentence(
    said: str, options: list[str], text: str, work_dir: Path
) -> None:
    write_dfew(work_dir / 'data')
    if text:
        write_text('own.json' if options == PROMPTS else LIST, text)
    settings = ['--cfg-options', *options] if options else []
    arguments = ('--work-dir', 'run', '--data-root', 'data', *settings)
    with pytest.raises(SystemExit, match=said) as caught:
        run_tool('train', CONFIGS / 'demo_dferclip.py', *arguments)
    assert len(str(caught.value).splitlines()) == 2
    assert not list(Path('run').glob('*.pth'))
