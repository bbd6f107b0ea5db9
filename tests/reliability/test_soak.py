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
    """Notes what the process holds after each epoch and its validation."""

    priority = 'LOWEST'

    def __init__(self, leak: bool) -> None:
        self.leak, self.kept, self.seen = leak, [], []

    def before_train_epoch(self, runner: Any) -> None:
        if self.leak:
            self.kept.append((b'x' * 2**25, os.open('/dev/null', os.O_RDONLY)))
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        listed = (len(list(Path('/proc/self', name).iterdir())) for name in ('fd', 'task'))
        held = (pages * os.sysconf('SC_PAGE_SIZE'), *listed)
        self.seen.append(held)


def soak(rank: int, folder: str, epochs: int, leak: bool) -> list[tuple[int, ...]]:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.chdir(folder)
    cfg = small_config('dferclip_dfew', Path(folder), Path('run'), train_cfg__val_interval=1)
    cfg.train_cfg.max_epochs, cfg.launcher = epochs, 'pytorch'
    # New workers for every epoch, in one of the three loaders.
    cfg.val_dataloader.num_workers = 1
    runner = start(cfg)
    watch = Watch(leak)
    runner.register_hook(watch)
    runner.train()
    return watch.seen[WARM:]


@only_long
@pytest.mark.skipif(not Path('/proc/self/statm').is_file(), reason='needs Linux')
# A leak of 32 MiB and a file in each epoch is seen.
@pytest.mark.promise('Several processes', 'Memory, open files and threads do not grow over epochs')
@pytest.mark.parametrize('leak', [False, True])
def test_memory_and_open_files_stay(tmp_path: Path, leak: bool) -> None:
    write_dfew(tmp_path / 'DFEW', num_frames=3)
    epochs = WARM + 6 if leak else 100
    for seen in in_processes(soak, str(tmp_path), epochs, leak, world=2):
        memory, files, threads = zip(*seen, strict=True)
        third = len(memory) // 3 or 1
        growth = max(memory[-third:]) / max(memory[:third]) - 1
        print(f'{len(memory)} epochs: {memory[0] >> 20} MiB, {growth:+.1%}, {files[0]} files')
        if leak:
            assert growth > 0.05
            assert files[-1] > files[0]
        else:
            assert growth < 0.05
            assert (min(files), max(files)) == (files[0], files[0])
            assert max(threads) == threads[0]
    assert not (tmp_path / '.dist_test').exists()
    assert len(list((tmp_path / 'run').glob('*.pth'))) <= 2
