"""A temperature beside a checkpoint: fitted on held-out clips, and used wherever it is loaded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mini_corpora import write_clip, write_dfew, write_text
from mmaction.registry import MODELS
from mmengine.config import Config
from small_runs import small_config

from dferclip_mm.emotions import CORPUS_CLASSES
from dferclip_mm.engine.calibration import abstain, use_calibration
from dferclip_mm.engine.model import load_model
from dferclip_mm.engine.options import load_config

RunTool = Callable[..., None]
LISTS = 'EmoLabel_DataSplit/{}(single-labeled)/set_1.csv'


@pytest.fixture
def run(work_dir: Path, run_tool: RunTool) -> None:
    """A small config, an untrained checkpoint, and 28 test clips of which it is right about 18."""
    root = write_dfew(work_dir / 'DFEW', num_frames=5)
    numbers = range(101, 129)
    labels = dict.fromkeys(numbers, 0)

    def write_list() -> None:
        rows = [f'{number},{label + 1}' for number, label in labels.items()]
        write_text(root / LISTS.format('test'), '\n'.join(['video_name,label', *rows]) + '\n')

    write_list()
    for number in numbers:
        write_clip(root / f'Clip/clip_224x224/{number:05}', 5, 'jpg')
    cfg = small_config('dferclip_dfew', work_dir, work_dir / 'run')
    cfg.model.cls_head.prior_adjustment = 0.5
    cfg.dump('small.py')
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict(), meta={}), 'model.pth')
    run_tool('test', 'small.py', 'model.pth', '--cfg-options', 'test_evaluator.save_to=all.json')
    for clip in json.loads(Path('all.json').read_text())['clips']:
        number = int(Path(clip['clip']).name)
        labels[number] = (clip['predicted'] + (number % 4 == 0)) % 7
    # Whatever an untrained model answers, there are some of one class.
    labels |= dict.fromkeys(numbers[:4], CORPUS_CLASSES['dfew'].index('sadness'))
    write_list()


def test_a_temperature_is_fitted_stored_and_used_but_not_on_the_clips_it_was_fitted_on(
    run: None,
    run_tool: RunTool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_tool('calibrate', 'small.py', 'model.pth', '--test-share', '0.5', '--error-rate', '0.9')
    printed = capsys.readouterr().out
    content = json.loads(Path('model.calibration.json').read_text())
    assert f'temperature {content["temperature"]:.3f}, fitted on 14 clips' in printed
    assert 'on 14 other clips (95 % intervals):' in printed
    assert len(set(content['fitted_on'])) == 14
    assert content['fitted_on'][0].startswith('Clip/clip_224x224/001')
    value, low, high = content['ECE after']
    assert 0 <= low < high <= 1
    (line,) = (line for line in printed.splitlines() if line.startswith('ECE after'))
    assert line.split()[2:] == [f'{value:.3f}', f'{low:.3f}', f'{high:.3f}']
    for name in ('reliability', 'risk_coverage'):
        assert Path(f'model.calibration_{name}.png').is_file()

    plain = load_model(load_config('small.py', {'model.cls_head.temperature': 1.0}), 'model.pth')
    warm = load_model(load_config('small.py'), 'model.pth')
    logits = torch.arange(7.0)[None]
    expected = plain.cls_head.adjust_logits(logits) / content['temperature']
    torch.testing.assert_close(warm.cls_head.adjust_logits(logits), expected)

    save = ('--cfg-options', 'test_evaluator.save_to=out.json')
    run_tool('test', 'small.py', 'model.pth', *save)
    assert 'not used, because it was fitted on 14 of the test clips' in capsys.readouterr().err
    mixed = json.loads(Path('out.json').read_text())['clips']
    # The other half alone: the list of an own file.
    others = [clip for clip in mixed if Path(clip['clip']).name not in str(content['fitted_on'])]
    rows = [f'{Path(clip["clip"]).name} 5 {clip["label"]}' for clip in others]
    Path('others.txt').write_text('\n'.join(rows) + '\n')
    own = (*save, 'test_dataloader.dataset.ann_file=others.txt', '--abstain')
    run_tool('test', 'small.py', 'model.pth', *own)
    assert f'the temperature {content["temperature"]:.3f} of' in capsys.readouterr().err
    saved = json.loads(Path('out.json').read_text())
    found, metrics, selective = saved['clips'], saved['metrics'], content['selective']
    for name in ('coverage', 'error'):
        value = metrics[f'{name}@{math.floor(1e6 * selective["threshold"]) / 1e6:.6f}']
        assert value == pytest.approx(100 * selective[name])
    with pytest.raises(SystemExit, match='--abstain needs a temperature and threshold that were'):
        run_tool('test', 'small.py', 'model.pth', '--abstain')
    before = np.array([clip['scores'] for clip in others])
    after = np.array([clip['scores'] for clip in found])
    cooled = before ** (1 / content['temperature'])
    np.testing.assert_allclose(after, cooled / cooled.sum(axis=1, keepdims=True), rtol=1e-3)

    monkeypatch.setenv('HOME', str(Path.cwd()))
    cfg = load_config('small.py')
    use_calibration(cfg, '~/model.pth')
    assert cfg.model.cls_head.temperature == content['temperature']

    torch.save(dict(state_dict=plain.state_dict(), meta=dict(epoch=2)), 'model.pth')
    with pytest.raises(ValueError, match=r'was fitted to another file than model\.pth is now'):
        load_model(load_config('small.py'), 'model.pth')

    # No answer is so sure, so none is wrong either.
    monkeypatch.setattr('dferclip_mm.evaluation.calibration.find_threshold', lambda *_: 1.5)
    capsys.readouterr()
    run_tool('calibrate', 'small.py', 'model.pth', '--test-share', '0.5')
    assert 'error rate of 10%: 0.0% of the clips (all: ' in capsys.readouterr().out
    selective = json.loads(Path('model.calibration.json').read_text())['selective']
    assert (selective['coverage'], selective['error']) == (0, None)


@pytest.mark.parametrize(
    'evaluator',
    [
        dict(type='RecallMetric'),
        [dict(type='AccMetric'), dict(type='mmaction.RecallMetric', measures=['F1'])],
        dict(type='Evaluator', metrics=dict(type='RecallMetric')),
    ],
)
def test_selective_answers_are_reported_by_every_form_of_the_metric(evaluator: Any) -> None:
    cfg = Config(dict(test_evaluator=evaluator))
    abstain(cfg, dict(selective=dict(threshold=0.7)))
    assert "'coverage@0.700000', 'error@0.700000'" in str(cfg.test_evaluator)
    with pytest.raises(ValueError, match='--abstain needs RecallMetric in test_evaluator'):
        abstain(Config(dict(test_evaluator=dict(type='AccMetric'))), dict(selective=0))


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ([], 'of the val clips to fit on are test clips: fit on'),
        (
            ['--cfg-options', 'val_dataloader.dataset.split=train'],
            '7 of the val clips to fit on are train clips',
        ),
        (
            ['--cfg-options', 'test_dataloader.dataset.include_classes=joy', '--test-share', '.5'],
            "'joy'",
        ),
    ],
)
def test_clips_that_cannot_calibrate_are_refused_and_nothing_is_written(
    run: None, run_tool: RunTool, options: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        run_tool('calibrate', 'small.py', 'model.pth', *options)
    assert said in str(end.value)
    assert not [*Path().glob('*calibration*')]


def test_clips_that_are_all_answered_wrongly_cannot_calibrate(run: None, run_tool: RunTool) -> None:
    path = Path('DFEW') / LISTS.format('test')
    rows = [line.split(',') for line in path.read_text().split()[1:]]
    # The model answers one class, which most rows have: give all of them one that none has.
    label = min({*'1234567'} - {label for _, label in rows})
    write_text(path, ''.join(['video_name,label\n', *(f'{name},{label}\n' for name, _ in rows)]))
    with pytest.raises(SystemExit, match='of 1 classes, of which 0 are answered right'):
        run_tool('calibrate', 'small.py', 'model.pth', '--test-share', '0.5')
    assert not [*Path().glob('*calibration*')]
