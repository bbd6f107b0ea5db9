"""open_clip's architectures as both towers of DFER-CLIP: a training step and an evaluation of each.

``PYTHONPATH=. python tests/towers.py`` writes the table into ``docs/towers.md``; the tests measure
some of its rows again. The towers have their own widths, image size and kinds of layers, and fewer
of them.
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
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.measure import saved_bytes
from dferclip_mm.models.clip.build import build_clip, embed_dim

PAGE = Path(__file__).parent.parent / 'docs' / 'towers.md'
BEGIN, END = '<!-- generated -->', '<!-- end of generated -->'
FRAMES, PLAIN = 2, 'ViT-B-32'
COLUMNS = ('architecture', 'image', 'D', 'image tokens', 'L', 'activation', 'weights')
COLUMNS += ('kept, MiB', 'works', 'tags')
FAMILIES = {
    'ViT': 'ViT-S-32 ViT-S-16 ViT-M-16 ViT-B-32 ViT-B-32-256 ViT-B-16 ViT-B-16-plus-240 ViT-L-16 '
    'ViT-L-14 ViT-L-14-280 ViT-L-14-336 ViT-H-16 ViT-H-14 ViT-H-14-378 ViT-g-14 ViT-bigG-14 '
    'ViT-e-14',
    'ViT, QuickGELU': 'ViT-B-32-quickgelu ViT-B-16-quickgelu ViT-L-14-quickgelu '
    'ViT-L-14-336-quickgelu ViT-H-14-quickgelu ViT-H-14-378-quickgelu ViT-bigG-14-quickgelu',
    'ResNet': 'RN50 RN50-quickgelu RN101 RN101-quickgelu RN50x4 RN50x4-quickgelu RN50x16 '
    'RN50x16-quickgelu RN50x64 RN50x64-quickgelu',
    'ConvNeXt': 'convnext_base convnext_base_w convnext_base_w_320 convnext_large_d '
    'convnext_large_d_320 convnext_xxlarge',
    'EVA': 'EVA01-g-14 EVA01-g-14-plus EVA02-B-16 EVA02-L-14 EVA02-L-14-336 EVA02-E-14 '
    'EVA02-E-14-plus',
    'ViTamin': 'ViTamin-S ViTamin-S-LTT ViTamin-B ViTamin-B-LTT ViTamin-L ViTamin-L-256 '
    'ViTamin-L-336 ViTamin-L-384 ViTamin-L2 ViTamin-L2-256 ViTamin-L2-336 ViTamin-L2-384 '
    'ViTamin-XL-256 ViTamin-XL-336 ViTamin-XL-384',
    'MobileCLIP': 'MobileCLIP-S1 MobileCLIP-S2 MobileCLIP-B',
    'MobileCLIP 2': 'MobileCLIP2-S0 MobileCLIP2-S2 MobileCLIP2-S3 MobileCLIP2-S4 MobileCLIP2-B '
    'MobileCLIP2-L-14',
    'Perception Encoder': 'PE-Core-T-16-384 PE-Core-S-16-384 PE-Core-B-16 PE-Core-L-14-336 '
    'PE-Core-bigG-14-448',
    'SigLIP': 'ViT-B-16-SigLIP ViT-B-16-SigLIP-384 ViT-B-16-SigLIP-i18n-256 ViT-L-16-SigLIP-256 '
    'ViT-L-16-SigLIP-384 ViT-SO400M-14-SigLIP ViT-SO400M-14-SigLIP-384',
    'SigLIP 2': 'ViT-B-32-SigLIP2-256 ViT-B-16-SigLIP2 ViT-B-16-SigLIP2-384 ViT-L-16-SigLIP2-256 '
    'ViT-L-16-SigLIP2-384 ViT-SO400M-14-SigLIP2 ViT-SO400M-16-SigLIP2-384 ViT-gopt-16-SigLIP2-256 '
    'ViT-gopt-16-SigLIP2-384',
    'CLIPA': 'ViT-L-14-CLIPA ViT-L-14-CLIPA-336 ViT-H-14-CLIPA ViT-H-14-CLIPA-336 '
    'ViT-bigG-14-CLIPA',
    'MetaCLIP 2': 'ViT-H-14-worldwide ViT-H-14-worldwide-quickgelu ViT-H-14-worldwide-378 '
    'ViT-bigG-14-worldwide',
    'CoCa': 'coca_ViT-B-32 coca_ViT-L-14',
    'Text towers of transformers': 'roberta-ViT-B-32 xlm-roberta-base-ViT-B-32 '
    'xlm-roberta-large-ViT-H-14 nllb-clip-base nllb-clip-base-siglip nllb-clip-large',
}
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


def model_of(arch: str, text: str) -> dict:
    """DFER-CLIP with these architectures in its towers; no other line knows of them."""
    return dict(
        type='FrameRecognizer',
        num_frames=FRAMES,
        data_preprocessor=dict(
            type='ActionDataPreprocessor', mean=[0, 0, 0], std=[255, 255, 255], format_shape='NCHW'
        ),
        backbone=dict(type='CLIPVisualEncoder', arch=arch),
        neck=dict(type='TemporalTransformer', num_heads=2, head_dim=16, mlp_dim=64),
        cls_head=dict(
            type='TextPromptHead',
            classes='dfew',
            text_encoder=dict(type='CLIPTextEncoder', arch=text),
            num_context=2,
        ),
    )


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
            model = MODELS.build(model_of(arch, text))
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


def table() -> str:
    """All families as tables in Markdown."""
    lines = []
    for family, names in FAMILIES.items():
        lines += [
            f'## {family}',
            '',
            f'| {" | ".join(COLUMNS)} |',
            '|' + '---|' * len(COLUMNS),
            *map(line, names.split()),
            '',
        ]
    return '\n'.join(lines)


if __name__ == '__main__':
    write_between(PAGE, BEGIN, END, table)
