"""Memory and open files do not grow over many epochs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from lengths import only_long
from mini_corpora import write_dfew
from mmengine.hooks import Hook
from processes import in_processes
from small_runs import small_config, start

# By then every buffer has its size and every module is imported.
WARM = 10


class Watch(Hook):
    """Notes the memory, open files and threads of this process at the start of each epoch."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def before_train_epoch(self, runner: Any) -> None:
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        listed = (len(list(Path('/proc/self', name).iterdir())) for name in ('fd', 'task'))
        self.seen.append((pages, *listed))


def soak(rank: int, folder: Path, epochs: int) -> list[tuple[int, ...]]:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.chdir(folder)
    cfg = small_config('dferclip_dfew', folder, Path('run'), train_cfg__val_interval=1)
    cfg.train_cfg.max_epochs, cfg.launcher = epochs, 'pytorch'
    # New workers for every epoch, in one of the three loaders.
    cfg.val_dataloader.num_workers = 1
    runner, watch = start(cfg), Watch()
    runner.register_hook(watch)
    runner.train()
    return watch.seen[WARM:]


@only_long
@pytest.mark.promise('Several processes', 'Memory, open files and threads do not grow over epochs')
def test_memory_and_open_files_stay(tmp_path: Path) -> None:
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    for seen in in_processes(soak, tmp_path, 100):
        memory, files, threads = zip(*seen, strict=True)
        third = len(memory) // 3
        assert max(memory[-third:]) < 1.05 * max(memory[:third])
        assert (min(files), max(files)) == (files[0], files[0])
        assert max(threads) == threads[0]
    assert not (tmp_path / '.dist_test').exists()
    assert len(list((tmp_path / 'run').glob('*.pth'))) <= 2
