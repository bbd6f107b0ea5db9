"""One folder per class in the place of a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..media.images import natural_key
from ..media.packed import PACKED_SUFFIX
from ..media.video_files import VIDEO_SUFFIXES
from .list_text import ListError, check_reference
from .lists import Row


def list_class_folders(
    folder: Path, read_label: Callable[[str], str], below: str = ''
) -> list[Row | ListError]:
    """A row for each frame folder, video and packed clip of each class's folder.

    Other files are no clips. Classes are sorted by name, clips by their numbers.

    Args:
        folder: that holds one folder per class.
        read_label: the class of a folder, from its name.
        below: what stands before the class in the clips' references.

    Raises:
        ValueError: if a folder names no class.
    """
    rows: list[Row | ListError] = []
    suffixes = {*VIDEO_SUFFIXES, PACKED_SUFFIX}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        if each.name.startswith('.'):
            continue
        try:
            label = read_label(each.name)
        except ValueError as error:
            reason = error.reason if isinstance(error, ListError) else error
            raise ValueError(f'{each}: {reason}') from None
        clips = [path for path in each.iterdir() if not path.name.startswith('.')]
        names = [path.name for path in clips if path.is_dir() or path.suffix.lower() in suffixes]
        for name in sorted(names, key=natural_key):
            try:
                rows.append(Row(check_reference(f'{below}{each.name}/{name}'), label))
            except ListError as error:
                rows.append(ListError(str(each), 0, error.expected, error.found))
    return rows
