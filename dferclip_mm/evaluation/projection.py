"""Clips as points in a plane: t-SNE of their features or class scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .results import Results

# t-SNE of more clips takes minutes, and their thumbnails megabytes.
MOST_POINTS = 1000


def choose_clips(results: Results) -> np.ndarray:
    """Positions of at most `MOST_POINTS` answered clips, in order: all of them, or a fixed draw."""
    (answered,) = np.nonzero(results.answered)
    if len(answered) <= MOST_POINTS:
        return answered
    return np.sort(np.random.default_rng(0).choice(answered, MOST_POINTS, replace=False))


def read_features(path: Path, results: Results) -> np.ndarray:
    """The features (N, D) of the clips of `results`, from a file of ``extract_features.py``.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it lacks a clip, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            features, clips = file['features'], file['clips'].tolist()
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is no file of tools/extract_features.py: {error!r}') from error
    place = {clip: number for number, clip in enumerate(clips)}
    missing = [clip for clip in results.clips if clip not in place]
    if missing:
        raise ValueError(
            f'{path} has {len(clips)} clips, and no features of {len(missing)} of the '
            f'{len(results.clips)} tested clips, such as {missing[0]}: extract those of the test '
            'clips (--data test) with the same data_root'
        )
    return features[[place[clip] for clip in results.clips]]


def project(vectors: np.ndarray) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton, 2008) of (N, D) vectors to (N, 2), from 0 to 1.

    Raises:
        ImportError: without scikit-learn.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise ImportError(
            't-SNE needs scikit-learn: run `pip install "dferclip_mm[probe]"`'
        ) from error
    perplexity = min(30, (len(vectors) - 1) / 3)
    points = TSNE(init='pca', random_state=0, perplexity=perplexity).fit_transform(vectors)
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - low) / np.maximum(high - low, 1e-12)
