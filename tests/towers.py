"""open_clip's architectures as both towers of DFER-CLIP: a training step and an evaluation of each.

``PYTHONPATH=. python tests/towers.py`` measures the rows of ``docs/towers.md`` anew, which say the
families and architectures (a new one begins as ``| `NAME` |``); the tests measure some of them.
The towers have their own widths, image size and kinds of layers, and fewer of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import open_clip
import timm
import torch
from mixing import evaluate, step, write_between
from mmaction.registry import MODELS
from mmengine.utils import to_2tuple
from small_runs import small_model
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.measure import saved_bytes
from dferclip_mm.models.clip.build import build_clip, embed_dim

PAGE = Path(__file__).parent.parent / 'docs' / 'towers.md'
BEGIN, END = '<!-- generated -->', '<!-- end of generated -->'
FRAMES, PLAIN = 2, 'ViT-B-32'
# Arguments that make a model of timm shallow, by the beginning of its name.
_SHALLOW = {
    'vit_': dict(depth=2),
    'vitamin': dict(depth=2),
    'eva': dict(depth=2),
    'convnext': dict(depths=(1, 1, 1, 1)),
    'fastvit': dict(layers=(1, 1, 1, 1)),
    'fastvit_mci3': dict(layers=(1, 1, 1, 1, 1)),
    'fastvit_mci4': dict(layers=(1, 1, 1, 1, 1)),
}
_ACTIVATIONS = ('QuickGELU', 'GELU', 'GELUTanh', 'SiLU', 'ReLU')
_create = timm.create_model


def _create_shallow(name: str, **options: Any) -> nn.Module:
    for start, fewer in _SHALLOW.items():
        if name.startswith(start):
            options |= fewer
    return _create(name, **options)


def shallow(arch: str) -> dict:
    """The description of an architecture with two blocks, or stages of one, in each tower.

    Images are small where a tower takes any size.
    """
    config = open_clip.get_model_config(arch)
    vision = config['vision_cfg']
    if not vision.get('timm_model_name', 'convnext').startswith(('vit', 'eva')):
        vision['image_size'] = 4 * (vision.get('patch_size') or 32)
    for tower in ('vision_cfg', 'text_cfg'):
        layers = config[tower].get('layers')
        if layers is not None:
            config[tower]['layers'] = [1] * len(layers) if isinstance(layers, list) else 2
    return config


def facts(arch: str) -> list[str]:
    """Image size, D, tokens, activations, weights and memory of an architecture at full depth."""
    with torch.device('meta'):
        clip = build_clip(arch)
    height, width = to_2tuple(clip.visual.image_size)
    trunk = getattr(clip.visual, 'trunk', clip.visual)
    positions = getattr(trunk, 'positional_embedding', getattr(trunk, 'pos_embed', None))
    weights = [sum(w.numel() for w in tower.parameters()) for tower in (clip.visual, clip.text)]
    return [
        f'{height} × {width}',
        f'{embed_dim(arch)}',
        f'{positions.shape[-2]}' if positions is not None and positions.ndim < 4 else '–',
        f'{clip.text.context_length}',
        ', '.join(dict.fromkeys(activation(tower) for tower in (clip.visual, clip.text))),
        ' + '.join(f'{round(number / 1e6)}' for number in weights),
        f'{kept_of_a_frame(arch) / 2**20:.0f}',
    ]


def kept_of_a_frame(arch: str) -> int:
    """Bytes that the image tower keeps of a frame for the backward pass, in float32."""
    with torch.device('meta'):
        tower = MODELS.build(dict(type='CLIPVisualEncoder', arch=arch)).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        tower.to_empty(device='cpu')
        frame = torch.zeros(1, 3, *tower.image_size)
        return saved_bytes(lambda: tower(frame), [*tower.parameters(), *tower.buffers()])


def activation(tower: nn.Module) -> str:
    """The commonest activation of a tower."""
    names = Counter(type(module).__name__ for module in tower.modules())
    return max(_ACTIVATIONS, key=names.__getitem__)


def measure(arch: str, text: str) -> str:
    """Build DFER-CLIP of two architectures, train and evaluate it: ``'yes'``, or why not."""
    torch.manual_seed(0)
    configs = {name: shallow(name) for name in (arch, text)}
    try:
        with (
            mock.patch.object(timm, 'create_model', _create_shallow),
            mock.patch.dict(open_clip.factory._MODEL_CONFIGS, configs),
        ):
            model = MODELS.build(small_model(arch, text, FRAMES))
    except ValueError as error:
        return str(error).removeprefix(f'arch={arch!r} ').split(': ')[0]
    shape = (FRAMES, 3, *model.backbone.image_size)

    def view() -> torch.Tensor:
        return torch.randint(0, 256, shape, dtype=torch.uint8)

    without = step(model, [view(), view()])
    assert not without, f'without gradient: {sorted(without)}'
    views = [view(), view()]
    # Some towers begin with a last layer that is a thousandth of the others.
    evaluate(model, torch.cat(views), views, apart_by=1e-6)
    return 'yes'


def line(arch: str) -> str:
    """A line of the page's table."""
    print(arch, file=sys.stderr, flush=True)
    works = measure(arch, arch)
    if 'transformers' in works:
        return f'| `{arch}` | {"– | " * 7}{works} | |'
    if works != 'yes':
        works += f'; image tower with the text tower of `{PLAIN}`: {measure(arch, PLAIN)}'
    tags = ', '.join(open_clip.list_pretrained_tags_by_model(arch))
    return f'| `{arch}` | {" | ".join(facts(arch))} | {works} | {tags} |'


def rows() -> list[str]:
    """The page's lines below its first family: headings, and an architecture in each row."""
    written = PAGE.read_text(encoding='utf-8').split(BEGIN)[1].split(END)[0]
    return written.strip().splitlines()


def table() -> str:
    """The page's families and architectures, measured again."""
    return (
        '\n'.join(line(row.split('`')[1]) if row.startswith('| `') else row for row in rows())
        + '\n'
    )


if __name__ == '__main__':
    write_between(PAGE, BEGIN, END, table)
