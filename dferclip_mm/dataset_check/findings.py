"""What can be wrong with a dataset, and how bad it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

SEVERITIES = ('note', 'warning', 'error')


class Kind(NamedTuple):
    """How bad a finding is, whether clean lists leave its lines out, and what it means."""

    severity: str
    drop_from_clean: bool
    meaning: str


KINDS = {
    'settings': Kind('error', False, 'data that cannot be opened as the config says'),
    'list line': Kind('error', True, 'a line that is not of the form of its list'),
    'missing clip': Kind('error', True, 'a listed clip that is not on the disk'),
    'empty clip': Kind('error', True, 'a clip without a frame'),
    'undecodable': Kind('error', True, 'a frame or video that does not decode'),
    'two labels': Kind('error', True, 'a clip that is listed with two labels'),
    'two captions': Kind('error', True, 'a clip that is listed with two captions'),
    'same content, two labels': Kind('error', True, 'equal files under two names and labels'),
    'train and test': Kind('error', True, 'a training clip that is evaluated on'),
    'same content in train and test': Kind('error', True, 'the same under another name'),
    'subject in train and test': Kind('error', False, 'somebody who is trained and evaluated on'),
    'label order': Kind('error', False, 'labels that seem to be numbered otherwise than as read'),
    'listed twice': Kind('warning', True, 'a clip that is listed twice; it counts once'),
    'same content': Kind('warning', False, 'equal files under two names, each counts'),
    'frame count': Kind('warning', False, 'more or fewer frames than the list counts'),
    'header count': Kind('warning', False, 'a video with fewer frames than its header counts'),
    'mixed sizes': Kind('warning', False, 'frames of several sizes in one clip'),
    'class without clips': Kind('warning', False, 'a class that a split has no clips of'),
    'orientation tag': Kind('warning', False, 'EXIF says that frames are to be turned or mirrored'),
    'no face crop?': Kind('warning', False, 'a guess by size and shape of the frames'),
    'missing folds': Kind('warning', False, 'folds that were asked for and have no lists'),
    'published counts': Kind('note', False, 'another number of clips than published'),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a key of `KINDS`.
        message: what was found.
        clip: path of the clip, or its name in the list; ``''`` where it is none's.
        places: (file, line) where it is listed; line 0 for a whole file.
    """

    kind: str
    message: str
    clip: str = ''
    places: tuple[tuple[str, int], ...] = ()

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`."""
        return KINDS[self.kind].severity

    def __str__(self) -> str:
        file, line = self.places[0] if self.places else ('', 0)
        place = f'{file}:{line}' if line else file
        more = f' (and {len(self.places) - 1} more)' if len(self.places) > 1 else ''
        return ': '.join(part for part in (f'{place}{more}', self.clip, self.message) if part)


def worst(findings: Iterable[Finding]) -> str | None:
    """The highest severity, None where nothing was found."""
    return max((each.severity for each in findings), key=SEVERITIES.index, default=None)
