"""Where the clips of a list lie on the disk: reference -> frame folder or video file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from ..media.packed import PACKED_SUFFIX
from ..media.videos import VIDEO_SUFFIXES


class _Listing(NamedTuple):
    folders: dict[str, str]
    videos: dict[str, str]


class ClipFinder:
    """Clips below ``base``, by listing each folder once instead of asking for each clip.

    A clip may be a frame folder, a video or a packed clip; it is found by its name without their
    suffixes, and a folder is taken before a file. Names count as equal in any Unicode normal form.

    Args:
        base: the folder that the references start from.
        roots: folders that nothing may lie outside of, links followed; None: links may lead
            anywhere.
    """

    def __init__(self, base: str, roots: Sequence[str] | None) -> None:
        self._base = base
        self._roots = None if roots is None else [os.path.realpath(root) for root in roots]
        self._listings: dict[str, _Listing] = {}
        self._links: set[str] = set()

    def find(self, reference: str) -> str | None:
        """The path of a clip, or None where there is none.

        Raises:
            ValueError: when a link leads out of the roots.
        """
        *parents, clip = unicodedata.normalize('NFC', reference).split('/')
        folder, linked = self._base, False
        for parent in parents:
            below = self._list(folder).folders.get(parent)
            if below is None:
                return None
            folder, linked = below, linked or below in self._links
        listing, stem = self._list(folder), _stem(clip)
        path = (
            listing.folders.get(clip)
            or listing.folders.get(stem)
            or listing.videos.get(clip)
            or listing.videos.get(stem)
        )
        if path is not None and (linked or path in self._links):
            check_inside(path, self._roots)
        return path

    def find_by_suffix(self, reference: str) -> str | None:
        """The path of the longest trailing part of ``reference`` that exists, or None.

        Raises:
            ValueError: when a link leads out of the roots.
        """
        parts = reference.split('/')
        ends = ('/'.join(parts[start:]) for start in range(len(parts)))
        return next((path for path in map(self.find, ends) if path is not None), None)

    def _list(self, folder: str) -> _Listing:
        if folder not in self._listings:
            folders, videos = {}, {}
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    name = unicodedata.normalize('NFC', entry.name)
                    if entry.is_symlink():
                        self._links.add(entry.path)
                    if _is(entry.is_dir):
                        folders[name] = entry.path
                    elif _is(entry.is_file) and (_stem(name) != name or '.' not in name):
                        videos[name] = entry.path
                        videos.setdefault(_stem(name), entry.path)
            self._listings[folder] = _Listing(folders, videos)
        return self._listings[folder]


def check_inside(
    path: str,
    roots: Sequence[str] | None,
    what: str = 'a clip',
    advice: str = 'move it there',
) -> None:
    """See that a path lies in one of some folders, links followed; None: it may lie anywhere.

    Args:
        path: of a file or folder.
        roots: the folders, without links in their own paths.
        what: lies there, for the error.
        advice: beside ``allow_outside_root``, for the error.

    Raises:
        ValueError: when it does not.
    """
    if roots is None:
        return
    real = os.path.realpath(path)
    if not any(os.path.commonpath([real, root]) == root for root in roots):
        raise ValueError(
            f'expected {what} inside {" or ".join(roots)}, found a link to {real}: {advice}, '
            'or set allow_outside_root=True'
        )


def check_list(
    path: Path,
    root: Path,
    roots: Sequence[str] | None,
    what: str = 'a list',
    advice: str = 'name the file itself as ann_file',
) -> None:
    """See that a list below the data root is no link out of it; one named elsewhere may be read.

    Args:
        path: of the list, or of a folder in its place.
        root: of the data.
        roots: that links may lead to, as for `check_inside`.
        what: it is, for the error.
        advice: for the error.

    Raises:
        ValueError: when it leads out; nothing of it was read.
    """
    # By its name alone: a user's own `..` is the user's choice.
    named, below = os.path.normpath(path), os.path.normpath(root)
    if os.path.commonpath([named, below]) == below:
        try:
            check_inside(named, roots, what, advice)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link to itself
        return False


def _stem(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix.lower() in {*VIDEO_SUFFIXES, PACKED_SUFFIX} else name
