"""tools/train.py and tools/test.py with a toy model."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from small_runs import TOY, run_tool

pytestmark = pytest.mark.usefixtures('work_dir')


@pytest.fixture
def trained(work_dir: Path) -> Path:
    """A finished run of two epochs; its folder."""
    run_tool('train', TOY, '--work-dir', 'run')
    return work_dir / 'run'


def test_a_run_resumes_after_its_last_epoch_or_from_a_path(
    trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ('--cfg-options', 'train_cfg.max_epochs=3')
    run_tool('train', TOY, '--resume', '--work-dir', 'run', *options)
    assert torch.load(trained / 'epoch_3.pth', weights_only=True)['meta']['epoch'] == 3
    assert any('resumed epoch: 2' in log.read_text() for log in trained.glob('2*/*.log'))
    run_tool('train', TOY, '--resume', 'run/epoch_1.pth', '--work-dir', 'other')
    assert 'resumed epoch: 1' in next(Path('other').glob('*/*.log')).read_text()
    options = ('--cfg-options', 'load_from=run/epoch_2.pth')
    run_tool('train', TOY, '--resume', '--work-dir', 'new', *options)
    assert 'nothing to resume in new' in capfd.readouterr().out
    assert Config.fromfile('new/toy_config.py').load_from == 'run/epoch_2.pth'


def test_seed_and_scaled_learning_rate_reach_the_run(work_dir: Path) -> None:
    run_tool('train', TOY, '--seed', '7', '--auto-scale-lr', '--no-validate')
    assert not list(work_dir.rglob('best_*'))
    checkpoint = torch.load('work_dirs/toy_config/epoch_2.pth', weights_only=True)
    assert checkpoint['meta']['seed'] == 7
    # Batches of 5 on one process, where 0.5 is the rate for 10.
    assert checkpoint['optimizer']['param_groups'][0]['lr'] == pytest.approx(0.25)


def test_evaluation_writes_results_and_dump(trained: Path) -> None:
    best = next(trained.glob('best_*.pth'))
    saving = ('--cfg-options', 'test_evaluator.save_to=run/test_results.json')
    run_tool('test', TOY, best, '--work-dir', 'run', '--dump', 'run/all.pkl', *saving)
    results = json.loads((trained / 'test_results.json').read_text())
    assert results['classes'] == ['low', 'middle', 'high']
    assert [clip['clip'] for clip in results['clips']] == [f'point_{i}' for i in range(13)]
    with (trained / 'all.pkl').open('rb') as file:
        assert len(pickle.load(file)) == 13


def test_an_evaluation_without_a_checkpoint_says_so() -> None:
    run_tool('test', TOY, '--work-dir', 'run', '--batch-size', '13')
    log = next(Path('run').glob('*/*.log')).read_text()
    assert 'no checkpoint given: evaluating the pretrained weights' in log
    assert Config.fromfile('run/toy_config.py').test_dataloader.batch_size == 13


def test_a_checkpoint_that_does_not_fit_names_both_sides() -> None:
    # As DistributedDataParallel names them.
    wrong = {'module.linear.weight': torch.zeros(5, 2), 'module.other': torch.zeros(1)}
    torch.save({'state_dict': wrong}, 'given.pth')
    said = (
        r'error: given\.pth does not fit the model: 1 only in the checkpoint: other; '
        r'1 only in the model: linear\.bias; 1 of another shape \(checkpoint against model\): '
        r'linear\.weight \(5, 2\) against \(3, 2\)'
    )
    with pytest.raises(SystemExit, match=said):
        run_tool('test', TOY, 'given.pth')
    with pytest.raises(SystemExit, match=said):
        run_tool('train', TOY, '--cfg-options', 'load_from=given.pth')


@pytest.mark.parametrize(
    ('program', 'arguments', 'said'),
    [
        ('train', ['missing.py'], 'no config file at missing.py'),
        ('train', [TOY, '--amp', '--cfg-options', 'optim_wrapper.type=Own'], 'type is Own'),
        pytest.param(
            'train',
            [TOY, '--amp', '--cfg-options', 'optim_wrapper.dtype=float16'],
            'the CPU trains only in bfloat16',
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU takes float16'),
        ),
        ('train', [TOY, '--resume', 'missing.pth'], 'no checkpoint at missing.pth'),
        ('test', [TOY, 'none'], 'leave CHECKPOINT out'),
        ('test', [TOY, 'given.pth', '--dump', 'all.json'], 'ends in .pkl, got all.json'),
    ],
)
def test_an_option_that_cannot_apply_ends_the_program_in_one_sentence(
    program: str, arguments: list, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run_tool(program, *arguments)
    assert said in f'{end.value}{capsys.readouterr().err}'
