"""Where the clips of a list lie on the disk: reference -> frame folder, video or packed clip."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from ..media.packed import PACKED_SUFFIX
from ..media.video_files import VIDEO_SUFFIXES


class _Listing(NamedTuple):
    folders: dict[str, str]
    files: dict[str, str]


class ClipFinder:
    """Finds clips below ``base`` by listing each folder once, instead of asking for each clip.

    A clip may be a frame folder, a video or a packed clip. It is found by its name without its
    suffix, and a folder is taken before a file. Links are followed. Names are equal in any
    Unicode normal form.

    Args:
        base: the folder that the references start from.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._listings: dict[str, _Listing] = {}

    def find(self, reference: str) -> str | None:
        """The path of a clip, or None if there is none."""
        *parents, clip = unicodedata.normalize('NFC', reference).split('/')
        folder = self._base
        for parent in parents:
            below = self._list(folder).folders.get(parent)
            if below is None:
                return None
            folder = below
        listing, stem = self._list(folder), clip_stem(clip)
        return (
            listing.folders.get(clip)
            or listing.folders.get(stem)
            or listing.files.get(clip)
            or listing.files.get(stem)
        )

    def find_by_suffix(self, reference: str) -> str | None:
        """The path of the longest trailing part of ``reference`` that exists, or None."""
        parts = reference.split('/')
        ends = ('/'.join(parts[start:]) for start in range(len(parts)))
        return next((path for path in map(self.find, ends) if path is not None), None)

    def _list(self, folder: str) -> _Listing:
        if folder not in self._listings:
            folders, files = {}, {}
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    name = unicodedata.normalize('NFC', entry.name)
                    if _is(entry.is_dir):
                        folders[name] = entry.path
                    elif _is(entry.is_file) and (clip_stem(name) != name or '.' not in name):
                        files[name] = entry.path
                        files.setdefault(clip_stem(name), entry.path)
            self._listings[folder] = _Listing(folders, files)
        return self._listings[folder]


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link to itself
        return False


def clip_stem(name: str) -> str:
    """The name of a clip without its suffix."""
    path = PurePath(name)
    return path.stem if path.suffix.lower() in {*VIDEO_SUFFIXES, PACKED_SUFFIX} else name
