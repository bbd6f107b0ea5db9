"""Each corpus in small, in its owner's own layout: one clip of noise per class and split."""

import zlib
from pathlib import Path

import cv2
import numpy as np
from clip_files import write_text

from dferclip_mm.emotions import CORPUS_CLASSES

FERV39K_WORDS = ('Happy', 'Sad', 'Neutral', 'Angry', 'Surprise', 'Disgust', 'Fear')
SPLITS = ('train', 'test')


def write_clip(folder: Path, num_frames: int, suffix: str) -> None:
    """A folder of noise frames of 24 x 20 pixels, another for each name and folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(zlib.crc32('/'.join(folder.parts[-2:]).encode()))
    for number in range(1, num_frames + 1):
        frame = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f'{number}.{suffix}'), frame)


def write_dfew(root: Path, num_frames: int = 17, folds: int = 1) -> Path:
    """DFEW: CSV with labels from 1, faces in folders of five digits."""
    for offset, split in enumerate(SPLITS):
        numbers = [1 + 2 * label + offset for label in range(7)]
        rows = [f'{number},{label + 1}' for label, number in enumerate(numbers)]
        for fold in range(1, folds + 1):
            path = root / f'EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv'
            write_text(path, '\n'.join(['video_name,label', *rows]) + '\n')
        for number in numbers:
            write_clip(root / f'Clip/clip_224x224/{number:05}', num_frames, 'jpg')
    return root


def write_ferv39k(root: Path, num_frames: int = 17) -> Path:
    """FERV39k: `scene/word/id word`, faces below the scene and the word."""
    for offset, split in enumerate(SPLITS):
        rows = []
        for word in FERV39K_WORDS:
            name = f'Action/{word}/{offset:04}'
            rows.append(f'{name} {word}')
            write_clip(root / '2_ClipsforFaceCrop' / name, num_frames, 'jpg')
        write_text(root / f'4_setups/All_scenes/{split}_All.csv', '\n'.join(rows) + '\n')
    return root


def write_mafw(root: Path, num_frames: int = 17) -> Path:
    """MAFW: CRLF and no last newline; captions in GBK with tabs, none for the neutral class."""
    lists = root / 'Train & Test Set/single'
    for offset, split in enumerate(SPLITS):
        rows, captions = [], []
        for label, emotion in enumerate(CORPUS_CLASSES['mafw']):
            number = f'{1 + 2 * label + offset:05}'
            rows.append(f'{number}.mp4 {emotion}')
            if emotion != 'neutral':
                english = f'Somebody moves the face in the way number {label}.'
                captions.append(f'{number}.mp4\t{emotion}\t一个人在说话。\t{english}')
            write_clip(root / 'data/faces' / number, num_frames, 'png')
        write_text(lists / f'no_caption/set_1/{split}.txt', '\r\n'.join(rows))
        write_text(lists / f'with_caption/set_1/{split}.txt', '\r\n'.join(captions), 'gbk')
    return root


WRITERS = {'dfew': write_dfew, 'ferv39k': write_ferv39k, 'mafw': write_mafw}
