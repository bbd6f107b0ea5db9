"""Videos damaged at random end in our one error or are read, in a child with limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from lengths import cases
from mutant_child import BASES, VIDEO_DECODERS, mutated
from numpy.random import RandomState

from dferclip_mm.media.errors import ClipReadError

CHILD = Path(__file__).with_name('mutant_child.py')
MUTANTS = cases(60, 2000)


def test_no_mutant_crashes_hangs_or_raises_anything_else(tmp_path):
    done = subprocess.run(
        [sys.executable, str(CHILD), str(tmp_path), str(MUTANTS)],
        capture_output=True,
        check=False,
        timeout=60 + MUTANTS,
        env={**os.environ, 'PYTHONPATH': str(CHILD.parents[2]), 'OMP_NUM_THREADS': '1'},
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b'{')]
    assert told, done.stderr[-2000:]
    # A signal (also of the alarm and the CPU limit) is told by the item that was begun last.
    assert done.returncode == 0, f'the child ended with {done.returncode} at {told[-1]}'
    readings = [item for item in told if 'decoder' in item]
    assert len(readings) == MUTANTS * len(VIDEO_DECODERS)
    typed = f'{ClipReadError.__module__}.{ClipReadError.__name__}'
    foreign = [item for item in readings if item.get('error', typed) != typed]
    assert not foreign
    assert all('list.txt:' in item['said'] for item in readings if 'error' in item)
    count = Counter((item['decoder'], 'error' in item) for item in readings)
    for decoder in VIDEO_DECODERS:
        # Neither all refused nor all read, or the mutants would show nothing.
        assert min(count[decoder, True], count[decoder, False]) >= MUTANTS // 20, count


def test_mutants_differ_and_are_the_same_each_time():
    data = BASES['mpeg4.mp4']
    made = [mutated(data, RandomState(number)) for number in range(50)]
    assert len({*made, data}) == 51
    assert made[7] == mutated(data, RandomState(7))
