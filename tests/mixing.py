"""The sweep: DFER-CLIP's parts in MMAction2's configs, a training step and an evaluation.

``python tests/mixing.py`` runs all of it and writes the table into ``docs/mixing.md``; the tests
hold each cell of that table to what they measure.
"""

from __future__ import annotations

import copy
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import mmaction
import torch
from mixing_rows import FOREIGN_ROWS, IMAGE_ROWS, NO_ONNX, VIDEO_ROWS, Row
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from small_runs import ARCH

from dferclip_mm.export import write_onnx
from dferclip_mm.models.pool import to_sequence
from dferclip_mm.models.recognizers.frame_recognizer import takes_any_length

PAGE = Path(__file__).parent.parent / 'docs' / 'mixing.md'
SHIPPED = Path(mmaction.__file__).parent / '.mim' / 'configs' / 'recognition'
BEGIN, END = '<!-- swept -->', '<!-- end of swept -->'
HEAD, NECK, FRAMES = WAYS = 'head', 'neck and head', 'FrameRecognizer'
VIEWS = 2
OURS = ('neck, head, `Recognizer3D`', 'neck, head, `FrameRecognizer`')
COLUMNS = ('backbone', 'head', *OURS, 'ONNX', 'config')
ROWS = [*VIDEO_ROWS, *IMAGE_ROWS, *FOREIGN_ROWS]


def ways(row: Row) -> tuple[str, ...]:
    """The ways that are open to a row."""
    if row in FOREIGN_ROWS:
        return (FRAMES,)
    return (HEAD, NECK) if row in VIDEO_ROWS else (HEAD, FRAMES)


def config_of(row: Row) -> Path:
    """MMAction2's config of a row."""
    (found,) = SHIPPED.glob(row.config)
    return found


def make_small(model: dict, row: Row) -> None:
    """A shipped model at a small size, for seven classes, without downloads."""
    backbone = model['backbone']
    backbone.pop('init_cfg', None)
    for key, off in (('pretrained', None), ('pretrained2d', False), ('clip_pretrained', False)):
        if key in backbone or (key == 'pretrained2d' and backbone['type'].endswith(('TSM', 'TIN'))):
            backbone[key] = off
    backbone.update(row.smaller)
    blending = model.get('data_preprocessor', {}).get('blending', {})
    for augment in blending.get('augments', []):
        augment['num_classes'] = 7


def mixed(row: Row, way: str) -> dict:
    """The shipped model with our head, or neck and head; the rest as in MMAction2."""
    model = Config.fromfile(config_of(row)).model.to_dict()
    model['backbone'] = copy.deepcopy(row.backbone) or model['backbone']
    make_small(model, row)
    model['cls_head'] = dict(
        type='TextPromptHead',
        classes='dfew',
        text_encoder=dict(type='CLIPTextEncoder', arch=ARCH),
        num_context=2,
        in_channels=row.channels,
    )
    if way == HEAD:
        if model['type'] == 'Recognizer2D' and 'neck' not in model:
            model['cls_head']['num_segments'] = row.frames
        return model
    model['cls_head']['in_channels'] = 32
    model['neck'] = dict(
        type='TemporalTransformer', in_channels=row.channels, embed_dims=32, num_heads=2, mlp_dim=64
    )
    if way == FRAMES:
        model.update(type='FrameRecognizer', num_frames=row.frames)
        model.pop('test_cfg', None)
    elif model['type'] == 'RecognizerOmni':
        model['type'] = 'Recognizer3D'
    return model


def run(model: torch.nn.Module, clips: list[torch.Tensor], mode: str) -> object:
    """Clips of uint8 through MMAction2's preprocessor and recognizer, labelled 0, 1, …."""
    labels = [ActionDataSample().set_gt_label(number) for number in range(len(clips))]
    batch = dict(inputs=clips, data_samples=labels)
    data = model.data_preprocessor(batch, training=mode == 'loss')
    if type(model).__name__ == 'RecognizerOmni':
        return model(data, mode=mode)
    return model(**data, mode=mode)


def step(model: torch.nn.Module, clips: list[torch.Tensor]) -> set[str]:
    """One training step: a finite loss, gradients where they belong; the weights without one."""
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            # Evaluate by the statistics of this batch: those of no data make all clips alike.
            module.momentum = 1.0
    losses = run(model, clips, 'loss')
    loss, _ = model.parse_losses(losses)
    assert loss.isfinite(), losses
    loss.backward()
    without = set()
    for name, value in model.named_parameters():
        if not value.requires_grad:
            continue
        if value.grad is None:
            without.add(name)
        else:
            assert value.grad.isfinite().all(), name
            ours = name.startswith(('cls_head.', 'neck.'))
            assert not ours or value.grad.abs().sum() > 0, f'{name}: no gradient reaches it'
    moved = [value for value in model.backbone.parameters() if value.grad is not None]
    assert any(value.grad.abs().sum() > 0 for value in moved), 'the backbone does not learn'
    assert not any('text_encoder' in name for name, _ in model.named_parameters())
    return without


def evaluate(
    model: torch.nn.Module, clip: torch.Tensor, views: list[torch.Tensor], *, apart_by: float = 1e-4
) -> None:
    """Several views score as the mean of each alone, by probability and by score."""
    model.eval()

    def scores(content: torch.Tensor, average: str) -> torch.Tensor:
        model.cls_head.average_clips = average
        with torch.no_grad():
            return run(model, [content], 'predict')[0].pred_score

    apart = torch.stack([scores(view, 'score') for view in views])
    assert (apart[0] - apart[1]).abs().max() > apart_by, 'the views should differ'
    for average, expected in (
        ('score', apart.mean(0)),
        ('prob', apart.softmax(-1).mean(0)),
    ):
        # Cosines times 100: rounding counts a hundredfold.
        torch.testing.assert_close(scores(clip, average), expected, rtol=1e-3, atol=5e-3)


def measure(row: Row, way: str) -> str:
    """Build a cell, train and evaluate it; what the page says of it."""
    torch.manual_seed(0)
    model = MODELS.build(mixed(row, way))
    seen = {}
    watched = model.neck if way != HEAD else model.cls_head
    watched.register_forward_pre_hook(lambda _, inputs: seen.update(inputs=inputs[0]))
    shape = (row.frames, 3, row.size, row.size)

    def view() -> torch.Tensor:
        frames = torch.randint(0, 256, shape, dtype=torch.uint8)
        # (frames, 3, H, W) for images, (views, 3, frames, H, W) for videos.
        return frames if row not in VIDEO_ROWS else frames.transpose(0, 1)[None]

    # Two for a batch: with one clip, BatchNorm has a single value for each channel.
    without = step(model, [view(), view()])
    names = [f'backbone.{name}' for name, _ in model.backbone.named_parameters()]
    unused = tuple(f'backbone.{start}' for start in row.unused)
    assert without == {name for name in names if unused and name.startswith(unused)}
    views = [view() for _ in range(VIEWS)]
    evaluate(model, torch.cat(views), views)
    if way == HEAD:
        return f'D = {row.channels}'
    return f'D = {row.channels}, T = {to_sequence(seen["inputs"]).shape[1]}'


def exported(row: Row) -> str:
    """Whether the last way of a row goes into an ONNX file that answers as PyTorch does."""
    torch.manual_seed(0)
    model = MODELS.build(mixed(row, ways(row)[-1])).eval()
    with TemporaryDirectory() as folder:
        try:
            write_onnx(model, Path(folder) / 'a.onnx', (row.frames, row.size, row.size))
        except ValueError:
            return f'no: {NO_ONNX[row.family]}'
    return 'any length' if takes_any_length(model) else 'yes'


def source(row: Row) -> str:
    """Which config a row is built from, and what is changed in its backbone."""
    changes = ({'type': row.backbone['type']} if row.backbone else {}) | row.smaller
    return ', '.join([config_of(row).name, *(f'`{key}={new!r}`' for key, new in changes.items())])


def line(row: Row) -> str:
    """A line of the page's table."""
    print(row.family, file=sys.stderr, flush=True)
    answers = [measure(row, way) if way in ways(row) else '–' for way in WAYS]
    return f'| {" | ".join([row.family, *answers, exported(row), source(row)])} |'


def table() -> str:
    """The whole sweep as a table in Markdown."""
    lines = [
        f'| {" | ".join(COLUMNS)} |',
        '|' + '---|' * len(COLUMNS),
        *map(line, ROWS),
    ]
    return '\n'.join(lines)


def write_between(page: Path, begin: str, end: str, table: Callable[[], str]) -> None:
    """Measure a table, and put it between two marks of a page."""
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    init_default_scope('mmaction')
    before, rest = page.read_text(encoding='utf-8').split(begin)
    page.write_text(f'{before}{begin}\n{table()}\n{end}{rest.split(end)[1]}', encoding='utf-8')


if __name__ == '__main__':
    write_between(PAGE, BEGIN, END, table)
