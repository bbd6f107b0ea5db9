"""Unreadable clips in whole runs: replaced and counted in training, guarded in evaluation."""

import json
import re

import pytest
from mini_corpora import write_dfew
from processes import in_processes
from small_runs import small_config, start

from dferclip_mm.datasets.unreadable import UnreadableClips
from dferclip_mm.engine.hooks import UnreadableClipsHook

CLIPS = 'DFEW/Clip/clip_224x224'


@pytest.fixture
def corpus(tmp_path):
    """DFEW in small: training clips 00001, 00003 … 00013, test clips 00002 … 00014."""
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    return tmp_path


def damage(corpus, *names):
    for name in names:
        for frame in (corpus / CLIPS / name).iterdir():
            frame.write_bytes(frame.read_bytes()[:100])


def config(corpus, **options):
    return small_config('dferclip_dfew', corpus, corpus / 'run', **options)


def log_of(corpus):
    (file,) = (corpus / 'run').glob('*/*.log')
    return file.read_text()


def test_training_goes_on_with_other_clips(corpus):
    damage(corpus, '00003', '00007')
    cfg = config(
        corpus,
        train_dataloader__dataset__max_replaced=0.5,
        train_cfg__val_interval=3,
        default_hooks__checkpoint__save_best=None,
    )
    cfg.train_dataloader.update(num_workers=2, drop_last=False)
    cfg.train_cfg.max_epochs = 2
    runner = start(cfg)
    runner.train()
    assert runner.epoch == 2
    log = log_of(corpus)
    for name, line in (('00003', 3), ('00007', 5)):
        told = rf'{name} \(listed in .*set_1\.csv:{line}\): .* is cut short; another clip is taken'
        assert len(re.findall(told, log)) == 1
    assert len(re.findall('2 of 7 training clips cannot be read and were replaced', log)) == 1


def test_training_stops_beyond_the_cap(corpus):
    damage(corpus, '00003')
    cfg = config(corpus)
    cfg.train_dataloader.drop_last = False
    with pytest.raises(OSError, match=r'1 of 7 training clips cannot be read, more than max_repl'):
        start(cfg).train()


def test_evaluation_stops_or_counts_as_wrong(corpus, tmp_path):
    damage(corpus, '00004')
    with pytest.raises(OSError, match=r'00004 \(listed in .*set_1\.csv:3\): .*1\.jpg is cut short'):
        start(config(corpus)).test()
    saved = tmp_path / 'results.json'
    cfg = config(
        corpus, test_dataloader__dataset__unreadable='wrong', test_evaluator__save_to=str(saved)
    )
    scores = start(cfg).test()
    assert scores['dfer/unreadable'] == 1
    assert scores['dfer/recall/sadness'] == 0
    clips = json.loads(saved.read_text())['clips']
    assert [clip['index'] for clip in clips] == list(range(7))
    assert [clip['index'] for clip in clips if clip['predicted'] == -1] == [1]
    assert clips[1]['clip'].endswith('/00004')


def test_no_metric_scores_an_empty_clip_unawares(corpus):
    cfg = config(corpus, test_dataloader__dataset__unreadable='wrong')
    cfg.test_evaluator = [dict(type='RecallMetric'), dict(type='AccMetric')]
    with pytest.raises(ValueError, match='AccMetric would score the empty clips'):
        start(cfg).test()
    cfg.test_dataloader.dataset.unreadable = 'raise'
    assert 'acc/top1' in start(cfg).test()


@pytest.mark.promise('Clips', 'Evaluation never replaces a clip')
def test_evaluation_never_replaces(corpus):
    cfg = config(corpus)
    for key in ('test_mode', 'unreadable'):
        cfg.test_dataloader.dataset.pop(key)
    with pytest.raises(ValueError, match=r'test_dataloader\.dataset would replace clips'):
        start(cfg).test()
    cfg = config(corpus)
    for key in ('test_mode', 'unreadable'):
        cfg.val_dataloader.dataset.pop(key)
    with pytest.raises(ValueError, match=r'val_dataloader\.dataset would replace clips'):
        start(cfg).train()


def evaluate_in_process(rank, corpus):
    cfg = config(corpus, test_dataloader__dataset__unreadable='wrong')
    cfg.work_dir = str(corpus / f'run{rank}')
    cfg.test_evaluator.save_to = str(corpus / 'results.json')
    return start(cfg).test()


def test_seven_clips_in_two_processes_count_once_each(corpus):
    """The sampler repeats the first clip to make eight, and that one cannot be read."""
    damage(corpus, '00002')
    alone = start(config(corpus, test_dataloader__dataset__unreadable='wrong')).test()
    assert alone['dfer/unreadable'] == 1
    assert alone['dfer/recall/happiness'] == 0
    assert in_processes(evaluate_in_process, corpus, fork=True) == [alone, alone]
    clips = json.loads((corpus / 'results.json').read_text())['clips']
    assert [clip['index'] for clip in clips] == list(range(7))
    assert [clip['index'] for clip in clips if 'unreadable' in clip] == [0]


class Clips:
    """Ten clips of which some were found to be unreadable."""

    def __init__(self, *found, max_replaced):
        self.unreadable = UnreadableClips('replace', max_replaced=max_replaced)
        self.unreadable.clear(10)
        for index in found:
            self.unreadable._flags[index] = 1

    def __len__(self):
        return 10

    def get_data_info(self, index):
        return dict(filename=f'clip{index}', ann_file='list.txt', ann_line=index + 1)


class Wrapper:
    def __init__(self, dataset):
        self.dataset = dataset


class Runner:
    val_loop = None

    def __init__(self, dataset):
        self.train_dataloader = Wrapper(Wrapper(dataset))
        self.said = []
        self.logger = type('Logger', (), dict(warning=lambda _, text: self.said.append(text)))()


def count_in_process(rank):
    """What is logged after two epochs, and what stops the run in the third, in each process."""
    hook, runner = UnreadableClipsHook(), Runner(Clips(rank, 5, max_replaced=0.3))
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    hook.after_train_epoch(runner)
    dataset = runner.train_dataloader.dataset.dataset
    dataset.unreadable._flags[8 + rank] = 1
    try:
        hook.after_train_epoch(runner)
    except OSError as error:
        return runner.said, str(error)
    return runner.said, ''


def test_clips_of_all_processes_are_counted_together_and_told_once():
    (said, stopped), (_, stopped_too) = in_processes(count_in_process, fork=True)
    total = '3 of 10 training clips cannot be read and were replaced'
    assert said[:3] == [total, 'clip1 (listed in list.txt:2): replaced in another process', total]
    # Three in each process, five in all.
    assert stopped.startswith('5 of 10 training clips cannot be read, more than max_replaced=0.3')
    assert stopped_too == stopped
