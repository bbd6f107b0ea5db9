"""TensorBoard and Weights & Biases get the figures and the confusion matrix of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

LINES = """
_base_ = {base!r}
visualizer = dict(
    type='ActionVisualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type={backend!r}, **{options!r})],
)
custom_hooks = [dict(type='ConfusionPictureHook')]
"""


def write_config(base: str, backend: str, **options: object) -> str:
    Path('logged.py').write_text(LINES.format(base=base, backend=backend, options=options))
    return 'logged.py'


def test_tensorboard_has_the_curves_and_the_confusion_matrix_of_each_validation(
    work_dir: Path, run_tool: Callable[..., None], toy_config: str
) -> None:
    event_accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator'
    )
    config = write_config(toy_config, 'TensorboardVisBackend')
    run_tool('train', config, '--work-dir', 'run')
    (folder,) = {path.parent for path in Path('run').rglob('events.out.tfevents.*')}
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    assert [each.step for each in events.Scalars('dfer/UAR')] == [1, 2]
    pictures = events.Images('confusion_val')
    assert [each.step for each in pictures] == [1, 2]
    assert pictures[0].width > 200
    assert len(list(Path('run').rglob('vis_image/confusion_val_*.png'))) == 2


def test_weights_and_biases_gets_them_offline(
    work_dir: Path,
    run_tool: Callable[..., None],
    toy_config: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wandb = pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    monkeypatch.setenv('WANDB_SILENT', 'true')
    config = write_config(toy_config, 'WandbVisBackend', init_kwargs=dict(project='toy'))
    try:
        run_tool('train', config, '--work-dir', 'run')
    finally:
        wandb.teardown()
    (record,) = Path('run').rglob('*.wandb')
    content = record.read_bytes()
    assert b'dfer/UAR' in content
    assert b'confusion_val' in content
    assert len(list(record.parent.rglob('media/images/confusion_val_*.png'))) == 2
