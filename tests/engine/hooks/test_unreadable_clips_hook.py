"""Unreadable clips are replaced and counted in training, and never replaced in evaluation."""

import re
from types import SimpleNamespace

import pytest
from mini_corpora import write_dfew
from processes import in_processes
from small_runs import small_config, start

from dferclip_mm.datasets.unreadable import UnreadableClips
from dferclip_mm.engine.hooks import UnreadableClipsHook

CLIPS = 'DFEW/Clip/clip_224x224'


@pytest.fixture
def corpus(tmp_path):
    """A small DFEW: training clips 00001, 00003 … 00013, test clips 00002 … 00014."""
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    return tmp_path


def damage(corpus, *names):
    for name in names:
        for frame in (corpus / CLIPS / name).iterdir():
            frame.write_bytes(frame.read_bytes()[:100])


def config(corpus, **options):
    return small_config('dferclip_dfew', corpus, corpus / 'run', **options)


def test_training_continues_with_other_clips(corpus):
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
    log = next((corpus / 'run').glob('*/*.log')).read_text()
    for name, line in (('00003', 3), ('00007', 5)):
        told = rf'{name} \(listed in .*set_1\.csv:{line}\): .* is cut short; another clip is taken'
        assert len(re.findall(told, log)) == 1
    assert len(re.findall('2 of 7 training clips cannot be read and were replaced', log)) == 1


def test_a_metric_that_would_score_an_empty_clip_is_refused(corpus):
    cfg = config(corpus, test_dataloader__dataset__unreadable='wrong')
    cfg.test_evaluator = [dict(type='RecallMetric'), dict(type='AccMetric')]
    with pytest.raises(ValueError, match='AccMetric would score the empty clips'):
        start(cfg).test()
    cfg.test_dataloader.dataset.unreadable = 'raise'
    assert 'acc/top1' in start(cfg).test()


@pytest.mark.promise('Clips', 'Evaluation never replaces a clip')
@pytest.mark.parametrize(('split', 'loop'), [('test', 'test'), ('val', 'train')])
def test_evaluation_never_replaces(corpus, split, loop):
    cfg = config(corpus)
    for key in ('test_mode', 'unreadable'):
        cfg[f'{split}_dataloader'].dataset.pop(key)
    with pytest.raises(ValueError, match=rf'{split}_dataloader\.dataset would replace clips'):
        getattr(start(cfg), loop)()


class Clips:
    """Ten clips, of which some were found to be unreadable."""

    def __init__(self, *found):
        self.unreadable = UnreadableClips('replace', max_replaced=0.3)
        self.unreadable.clear(10)
        self.find(*found)

    def find(self, *indices):
        for index in indices:
            self.unreadable._flags[index] = 1

    def __len__(self):
        return 10

    def get_data_info(self, index):
        return dict(filename=f'clip{index}', ann_file='list.txt', ann_line=index + 1)


def count_in_process(rank):
    """What each process logs after two epochs, and what stops it after the third."""
    said, clips = [], Clips(rank, 5)
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(dataset=SimpleNamespace(dataset=clips)),
        val_loop=None,
        logger=SimpleNamespace(warning=said.append),
    )
    hook = UnreadableClipsHook()
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    hook.after_train_epoch(runner)
    clips.find(8 + rank)
    with pytest.raises(OSError, match='max_replaced') as caught:
        hook.after_train_epoch(runner)
    return said, str(caught.value)


def test_clips_of_all_processes_are_counted_together_and_named_once():
    (said, stopped), (_, stopped_too) = in_processes(count_in_process, fork=True)
    total = '3 of 10 training clips cannot be read and were replaced'
    assert said[:3] == [total, 'clip1 (listed in list.txt:2): replaced in another process', total]
    # Three in each process, five in all.
    assert stopped.startswith('5 of 10 training clips cannot be read, more than max_replaced=0.3')
    assert stopped_too == stopped
