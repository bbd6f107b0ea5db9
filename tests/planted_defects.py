"""A corpus with a defect in each of several training clips."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

# A camera held upright, as EXIF says it.
ORIENTATION = Image.Exif()
ORIENTATION[0x112] = 6
CLIPS = 'Clip/clip_224x224'
LISTS = 'EmoLabel_DataSplit/{}(single-labeled)/set_{}.csv'
TRAIN, TEST = LISTS.format('train', 1), LISTS.format('test', 1)


class Planted:
    """The corpus, its lists, and what must be found."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.train = (root / TRAIN).read_text().splitlines()
        self.test = (root / TEST).read_text().splitlines()
        # What must be found: (kind, severity, clip, list, lines).
        self.expected: list[tuple[str, str, str, str, list[int]]] = []

    def folder(self, row: str) -> Path:
        return self.root / CLIPS / f'{int(row.split(",")[0]):05}'

    def frames(self, line: int) -> list[Path]:
        folder = self.folder(self.train[line - 1])
        return sorted(folder.iterdir(), key=lambda path: int(path.stem))

    def expect(self, kind: str, severity: str, line: int, *lines: int) -> None:
        clip = str(self.folder(self.train[line - 1]))
        self.expected.append((kind, severity, clip, TRAIN, [line, *lines]))

    def add(self, row: str, folder: Path | None = None) -> int:
        """A further training line, perhaps of a copy of a clip; its number."""
        if folder is not None:
            shutil.copytree(folder, self.folder(row))
        self.train.append(row)
        return len(self.train)

    def save(self) -> None:
        (self.root / TRAIN).write_text('\n'.join(self.train) + '\n')
        (self.root / TEST).write_text('\n'.join(self.test) + '\n')


def next_label(row: str) -> int:
    return int(row.split(',')[1]) % 7 + 1


def plant(root: Path) -> Planted:
    """Damage a clean corpus in each way that the check knows."""
    it = Planted(root)
    train, folder = it.train, lambda line: it.folder(it.train[line - 1])
    shutil.rmtree(folder(2))
    it.expected.append(('missing clip', 'error', folder(2).name, TRAIN, [2]))
    for path in it.frames(3):
        path.unlink()
    it.expect('empty clip', 'error', 3)
    cut = it.frames(4)[1]
    cut.write_bytes(cut.read_bytes()[:300])
    it.expect('undecodable', 'error', 4)
    it.frames(5)[2].write_bytes(b'')
    it.expect('undecodable', 'error', 5)
    it.frames(6)[0].write_bytes(b'<html>not found</html>')
    it.expect('undecodable', 'error', 6)
    cv2.imwrite(str(it.frames(7)[3]), np.zeros((70, 66, 3), np.uint8))
    it.expect('mixed sizes', 'warning', 7)
    Image.open(it.frames(16)[2]).save(it.frames(16)[2], exif=ORIENTATION)
    it.expect('orientation tag', 'warning', 16)
    for path in it.frames(8):
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path)), (160, 90)))
    it.expect('no face crop?', 'warning', 8)
    it.expect('listed twice', 'warning', it.add(train[11]))
    line = it.add(f'{train[12].split(",")[0]},{next_label(train[12])}')
    it.expect('two labels', 'error', 13, line)
    it.expect('same content', 'warning', it.add(f'9001,{train[13].split(",")[1]}', folder(14)))
    line = it.add(f'9002,{next_label(train[14])}', folder(15))
    it.expect('same content, two labels', 'error', line, 15)
    it.expect('train and test', 'error', it.add(it.test[1]))
    line = it.add(f'9003,{it.test[2].split(",")[1]}', it.folder(it.test[2]))
    it.expect('same content in train and test', 'error', line)
    for row in ('00012;3', '13,9', '../../etc,1', 'http://host/x,1'):
        it.expected.append(('list line', 'error', '', TRAIN, [it.add(row)]))
    it.test = [row for row in it.test if not row.endswith(',7')]
    it.expected.append(('class without clips', 'warning', '', TEST, [0]))
    it.save()
    return it
