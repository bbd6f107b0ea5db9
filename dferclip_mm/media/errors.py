"""Errors and warnings of clips, and errors of files that were computed from clips."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log


class ClipReadError(OSError):
    """A clip on the disk that is empty, damaged or not a clip.

    It takes one message, so that the main process can raise a worker's error again.
    """


class StaleFileError(ValueError):
    """A file that was computed by another model, by other steps, or from another clip.

    It stops a run: the policy for unreadable clips does not apply.
    """


def place_of(results: Mapping[str, Any]) -> str:
    """The path of the clip of ``results``, and where it is listed."""
    place = str(results.get('ann_file') or '')
    if place and results.get('ann_line'):
        place = f'{place}:{results["ann_line"]}'
    listed = f' (listed in {place})' if place else ''
    return f'{results.get("filename", "clip")}{listed}'


def clip_error(results: Mapping[str, Any], reason: str) -> ClipReadError:
    """The error for the clip of ``results``, with its place."""
    return ClipReadError(f'{place_of(results)}: {reason}')


class FirstWarning:
    """Logs the first warning of each kind: a dataset has thousands of clips."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def __call__(self, kind: str, message: str) -> None:
        """Log a message, unless one of its kind was logged before."""
        if kind not in self._named:
            self._named.add(kind)
            print_log(
                f'{message}; further clips of this kind are not named',
                logger='current',
                level=logging.WARNING,
            )
