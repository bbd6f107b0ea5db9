"""The console shows what a person reads; the log file holds everything."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from mini_corpora import write_dfew
from mmengine.optim import OneCycleLR
from small_runs import small_config, start

from dferclip_mm.engine.console import describe_learning_rates, is_for_people


def test_few_lines_stand_before_the_first_training_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_dfew(tmp_path / 'DFEW', num_frames=3)
    start(small_config('dferclip_dfew', root.parent, tmp_path / 'run')).train()
    lines = capsys.readouterr().out.splitlines()
    said = [line.partition(' - mmengine - ')[2] for line in lines]
    (log,) = (tmp_path / 'run').glob('*/*.log')
    expected = (
        f'INFO - log with environment, config and hooks: {log}',
        'INFO - learning rate 1e-05, weight decay 0.0001: backbone (',
        'INFO - learning rate 0.01, weight decay 0.0001: neck (',
        'INFO - learning rate 0.001, weight decay 0.0001: cls_head (1,792 weights)',
        'INFO - protocol: the epoch with the best dfer/WAR on 7 test clips is the result',
        'WARNING - the learning rates are for a batch size of 48',
        'INFO - Epoch(train) [1][3/3]',
    )
    assert [line[: len(part)] for line, part in zip(said, expected, strict=False)] == [*expected]
    text = log.read_text()
    for part in (
        'System environment',
        'Config:\n',
        'Hooks will be',
        'paramwise_options -- backbone',
    ):
        assert part in text


@pytest.mark.parametrize(
    ('level', 'message', 'shown'),
    [
        (logging.INFO, 'Config:\n' + 10 * 'a\n', False),
        (logging.WARNING, 'unexpected key in source state_dict:' + 10 * '\n', True),
        (logging.WARNING, '"FileClient" will be deprecated in future.', False),
        (logging.ERROR, 'paramwise_options -- a', True),
    ],
)
def test_long_messages_and_known_warnings_are_for_the_file(
    level: int, message: str, shown: bool
) -> None:
    record = logging.LogRecord('mmengine', level, '', 0, message, None, None)
    assert is_for_people(record) is shown


def test_a_schedule_that_rises_is_told_with_its_highest_rate() -> None:
    model = torch.nn.ModuleDict(dict(neck=torch.nn.Linear(2, 1)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    OneCycleLR(optimizer, eta_max=0.03, total_steps=30)
    assert [*describe_learning_rates(model, optimizer)] == [
        'learning rate from 0.0012 up to 0.03, weight decay 0: neck (3 weights)'
    ]
