"""Features of clips: the files of ``extract_features.py``, and clips as points in a plane."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def read_features(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file: features (N, D), clips (N,), and others where they exist.

    Raises FileNotFoundError when there is none, ValueError when it is something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no features at {path}: write them with tools/extract_features.py')
    try:
        found = dict(np.load(path, allow_pickle=False))
        if not {'features', 'clips'} <= found.keys():
            raise ValueError(f'the arrays {", ".join(found)} without features and clips')
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f'{path}: expected a file of tools/extract_features.py, found {error}'
        ) from error
    return found


def choose_features(path: Path, clips: Sequence[str]) -> np.ndarray:
    """The features (N, D) of N clips, from a file; ValueError when it lacks one."""
    found = read_features(path)
    place = {clip: number for number, clip in enumerate(found['clips'].tolist())}
    missing = [clip for clip in clips if clip not in place]
    if missing:
        raise ValueError(
            f'{path} has {len(place)} clips, and no features of {len(missing)} of the {len(clips)} '
            f'tested clips, such as {missing[0]}: extract those of the test clips (--data test) '
            'with the same data_root'
        )
    return found['features'][[place[clip] for clip in clips]]


def project(vectors: np.ndarray) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton, 2008) of (N, D) vectors to (N, 2), from 0 to 1."""
    from sklearn.manifold import TSNE

    perplexity = min(30, (len(vectors) - 1) / 3)
    points = TSNE(init='pca', random_state=0, perplexity=perplexity).fit_transform(vectors)
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) / np.maximum(high - low, 1e-12)
