"""Run what pages tell their reader to do, in order, in a copy of the tracked files.

    python tests/run_pages.py                # README.md, then docs/tutorials/
    python tests/run_pages.py docs/tutorials/1_train.md

README.md gets a small CLIP and a drawn corpus in DFEW's layout; its remaining commands and
``test_docs.py`` say who runs those that are left out. The tutorials are run as they stand: they
draw their data, and begin with the first, whose model the others use.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / 'README.md'
TUTORIALS = sorted((ROOT / 'docs' / 'tutorials').glob('*.md'))
# Commands of README.md that are not run here; the file that runs each, and how it says so.
RUN_ELSEWHERE = {
    "pip install 'setuptools>=77.0.3,<82'": ('tests/smoke_wheel.sh', 'pip install'),
    "pip install -c requirements/constraints.txt '.[mmcv-lite,mim]'": (
        'tests/smoke_wheel.sh',
        'pip install',
    ),
    'make demo': ('demo/run.sh', 'tools/dist_train.sh'),
    'make demo-emoclip': ('demo/run.sh', 'demo_emoclip'),
    'python tools/cross_validate.py configs/dferclip_dfew.py --gpus 8': (
        'docs/tutorials/2_own_data.md',
        'tools/cross_validate.py',
    ),
}
# Two cores, and a corpus of 49 training clips in a fold.
SMALLER = {'configs/dferclip_dfew.py 8': 'configs/dferclip_dfew.py 2'}
SMALL_CLIP = """
clip = dict(
    embed_dim=512,
    vision_cfg=dict(image_size=224, patch_size=32, layers=2, width=128),
    text_cfg=dict(context_length=77, vocab_size=49408, layers=2, width=128, heads=2),
)
model['backbone'].update(arch=clip, pretrained=None)
model['cls_head']['text_encoder'].update(arch=clip, pretrained=None)
"""


class Block(NamedTuple):
    """A fenced block: its language, the caption that names its file, and its text."""

    language: str
    caption: str
    text: str


def read_blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    fence = r'^```(?:\{code-block\} )?(\w+)\n(?::caption: (\S+)\n+)?(.*?)^```'
    return [Block(*found) for found in re.findall(fence, page.read_text('utf-8'), re.M | re.S)]


def masked(text: str) -> list[str]:
    """Lines without figures and spacing, which differ from run to run and machine to machine."""
    lines = (' '.join(re.sub(r'[\d.]+', '#', line).split()) for line in text.splitlines())
    return [line for line in lines if line not in ('', '…')]


def run_block(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Run a block and return what it printed; a caption names a file that is written instead.

    Raises:
        SystemExit: when the block fails.
    """
    if block.caption:
        (folder / block.caption).write_text(block.text, encoding='utf-8')
        return ''
    start = time.monotonic()
    shell = ['bash', '-euo', 'pipefail', '-c']
    command = (
        [*shell, block.text] if block.language == 'bash' else [sys.executable, '-c', block.text]
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    print(f'{time.monotonic() - start:6.1f} s  {block.text.strip().splitlines()[-1]}', flush=True)
    if done.returncode:
        raise SystemExit(f'{done.stdout}\n{block.text}\nfailed with {done.returncode}')
    return done.stdout


def run_page(page: Path, folder: Path, environment: dict[str, str]) -> None:
    """Run the blocks of a page; a text block is what the block before it must have printed.

    Raises:
        SystemExit: when a block fails, or printed something else.
    """
    print(f'== {page.relative_to(ROOT)}', flush=True)
    printed = ''
    for block in read_blocks(page):
        if page == README and block.language == 'bash':
            block = block._replace(text='\n'.join(run_here(block.text)))
        if block.language == 'text':
            missing = [line for line in masked(block.text) if line not in masked(printed)]
            if missing:
                raise SystemExit(f'{printed}\n{page}: nothing printed is like {missing[0]!r}')
        # With a base but without a name it is a part of a config: test_docs.py builds it.
        elif block.caption or (
            block.language in ('bash', 'python') and block.text and '_base_' not in block.text
        ):
            printed = run_block(block, folder, environment)


def copy_tracked(folder: Path) -> None:
    """The files that a clone would have."""
    names = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    listed = subprocess.run(names, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split('\0')):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def prepare_readme(folder: Path, environment: dict[str, str]) -> None:
    """Draw what README.md works on: a DFEW, a checkpoint as published of a small CLIP, a film."""
    import json

    import official_layouts

    model = folder / 'configs/_base_/models/dferclip.py'
    model.write_text(model.read_text('utf-8') + SMALL_CLIP, encoding='utf-8')
    schedule = folder / 'configs/_base_/schedules/dferclip_50e.py'
    schedule.write_text(schedule.read_text('utf-8').replace('max_epochs=50', 'max_epochs=1'))
    golden = json.loads((ROOT / 'tests/data/golden_models.json').read_text())['dferclip']
    state = official_layouts.dferclip_state_dict(golden['end_specific'])
    official_layouts.save_like_dferclip(state, folder / 'dfew_set_1.pth')
    draw = (
        'python demo/make_data.py data/DFEW --clips-per-class 10 --identities 10 --folds 5\n'
        'python demo/make_film.py interview.mp4 --width 480 --height 270\n'
        'cp -r data/DFEW/Clip/clip_224x224/00001 clip'
    )
    run_block(Block('bash', '', draw), folder, environment)


def commands(text: str) -> list[str]:
    """The commands of a bash block without comments, each on one line."""
    lines = text.replace('\\\n', ' ').splitlines()
    return [line for each in lines if (line := re.sub(r'(^| +)#.*', '', each).strip())]


def run_here(text: str) -> Iterator[str]:
    """The commands of README.md that are run here, at a small size."""
    for command in commands(text):
        if command not in RUN_ELSEWHERE:
            for large, small in SMALLER.items():
                command = command.replace(large, small)
            yield command


def main() -> None:
    """Run the pages that are named, or all."""
    named = [Path(name).resolve() for name in sys.argv[1:]] or [README, *TUTORIALS]
    path = [str(Path(sys.executable).parent), os.environ['PATH']]
    for pages in ([README], TUTORIALS):
        pages = [page for page in pages if page in named]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            copy_tracked(folder)
            environment = {
                **os.environ,
                'PATH': os.pathsep.join(path),
                'PYTHONPATH': os.pathsep.join([name, str(folder / 'demo')]),
                'OMP_NUM_THREADS': '1',
            }
            if README in pages:
                prepare_readme(folder, environment)
            for page in pages:
                run_page(page, folder, environment)
    print('every command of the pages ran')


if __name__ == '__main__':
    main()
