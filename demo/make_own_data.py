"""Write drawn clips as a user's own: videos, and a CSV with three classes that no corpus has."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from drawn_faces import draw_clip, random_identity
from tqdm import tqdm

EMOTIONS = {'smiling': 'happiness', 'frowning': 'anger', 'startled': 'surprise'}
PEOPLE, CLIPS_OF_EACH, SIZE = 12, 5, 64


def main() -> None:
    """Draw 60 clips of 12 people, and write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='folder of clips.csv and of clips/')
    out = parser.parse_args().out
    (out / 'clips').mkdir(parents=True, exist_ok=True)
    rows = []
    for number in tqdm(range(PEOPLE * CLIPS_OF_EACH), desc='Drawing clips', unit='clip'):
        person, label = number % PEOPLE, [*EMOTIONS][number // PEOPLE % len(EMOTIONS)]
        rng = np.random.default_rng(number)
        identity = random_identity(np.random.default_rng([person, 1]))
        clip = draw_clip(identity, EMOTIONS[label], num_frames=18, size=SIZE, rng=rng)
        name = f'{number + 1:02}.mp4'
        codec = cv2.VideoWriter.fourcc(*'mp4v')
        video = cv2.VideoWriter(str(out / 'clips' / name), codec, 12, (SIZE, SIZE))
        for frame in clip.frames:
            video.write(np.ascontiguousarray(frame[..., ::-1]))
        video.release()
        rows.append((name, label, f'person {person + 1}'))
    with (out / 'clips.csv').open('w', newline='') as file:
        csv.writer(file, lineterminator='\n').writerows([('path', 'label', 'subject'), *rows])
    print(f'{len(rows)} clips of {PEOPLE} people: {out}/clips.csv')


if __name__ == '__main__':
    main()
