"""Write docs/zoo.md: every config with its figures, counted and published.

PYTHONPATH=. python docs/write_zoo.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.measure import flops, saved_bytes
from benchmarks.memory import use_fake_tensors
from dferclip_mm.engine.complexity import without_weights

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parent / 'configs'
HEAD = (
    '| config | what it is | published UAR / WAR | weights trained / all, M | GFLOPs | '
    'backward, GiB | run |\n|---|---|---|---|---|---|---|'
)


def configs() -> list[Path]:
    """The configs of corpora, sorted: not those of the demonstrations and the template."""
    return [
        path
        for path in sorted(CONFIGS.glob('*.py'))
        if not path.stem.startswith(('demo_', 'custom'))
    ]


def published() -> dict[str, str]:
    """Config's name -> the figures of its paper, from configs/metafile.yml."""
    meta = yaml.safe_load((CONFIGS / 'metafile.yml').read_text(encoding='utf-8'))
    found = {}
    for model in meta['Models']:
        values = {
            key[:3]: value
            for result in model.get('Results', ())
            for key, value in result['Metrics'].items()
        }
        if {'UAR', 'WAR'} <= values.keys():
            found[Path(model['Config']).stem] = f'{values["UAR"]} / {values["WAR"]}'
    return found


def title(path: Path) -> str:
    """The first line of a config's header."""
    return path.read_text(encoding='utf-8').splitlines()[0].removeprefix('# ')


def count(cfg: Config) -> tuple[int, int, float, float]:
    """Trained and all weights, GFLOPs and GiB kept for the backward pass of one clip.

    Both towers count; with fake tensors, which have shapes and no values.
    """
    init_default_scope('mmaction')
    settings = without_weights(cfg.model)
    dataset = (cfg.test_dataloader or cfg.train_dataloader).dataset
    if settings['cls_head'].get('classes', '') is None:
        # Its run would tell the head.
        settings['cls_head']['classes'] = dataset.type.removesuffix('Dataset').lower()
    model = MODELS.build(settings).train()
    tensors = [*model.parameters(), *model.buffers()]
    trained = sum(each.numel() for each in tensors if each.requires_grad)
    total = sum(each.numel() for each in tensors if each.is_floating_point())
    frames = next(
        step[key] for step in dataset.pipeline for key in ('num_frames', 'clip_len') if key in step
    )
    video = cfg.model.data_preprocessor.get('format_shape') == 'NCTHW'
    shape = (1, 1, 3, frames, 224, 224) if video else (1, frames, 3, 224, 224)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        use_fake_tensors(model, mode)
        clip = torch.zeros(shape)

        def run() -> Any:
            return model.extract_feat(clip, stage='head')[0]

        kept = saved_bytes(run, [*model.parameters(), *model.buffers()])
        # Without the class features that a frozen head has kept.
        model.train()
        # The fused attention of CPUs is not counted.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            operations = flops(run)
    return trained, total, operations / 1e9, kept / 2**30


def row(path: Path, figures: str) -> str:
    """A config's row of the table."""
    cfg = Config.fromfile(path)
    trained, total, operations, kept = count(cfg)
    program = 'train' if cfg.get('train_cfg') else 'test'
    command = f'`tools/{program}.py configs/{path.name}`'
    weights = f'{trained / 1e6:.1f} / {total / 1e6:.1f}'
    return (
        f'| `{path.stem}` | {title(path)} | {figures} | {weights} | {operations:.0f} | '
        f'{kept:.2f} | {command} |'
    )


def page() -> str:
    """The whole page."""
    figures = published()
    table = '\n'.join(row(path, figures.get(path.stem, '')) for path in configs())
    return f"""# Model zoo

No weights are distributed here. Published figures are the authors', in percent, with their own
prompts; none were reproduced here. DFER-CLIP's are of the best epoch on the test clips, for DFEW
and MAFW the mean of five folds. See also [responsible use](responsible_use.md).

GFLOPs (a multiplication with an addition counts as two) and what is kept for the backward pass are
counted for one clip, with the texts of all classes, in float32. `docs/write_zoo.py` writes this.

{HEAD}
{table}

## Published checkpoints

[Step by step](checkpoints.md): the eleven of DFER-CLIP and the one of EmoCLIP, with what to expect.
"""


if __name__ == '__main__':
    (HERE / 'zoo.md').write_text(page(), encoding='utf-8')
