"""A clip of a data set opened whole, outside of its run: looked at as the run does, then read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmaction.registry import TRANSFORMS

from ..media.images import FrameFolder
from ..media.validate import MediaValidator
from .clip_init import ClipInit


class ClipOpener:
    """Opens clips of a data set; nothing is read that its guard has not looked at.

    Args:
        guard: of the data set; None: the clips are one's own, and links may lead anywhere.
        pipeline: of the data set, as in a config: its `ClipInit` opens the clips, with its
            ``max_pixels``; without one, that with the defaults does.
        decoders: the host's decoders that the guard is asked about, see `host_decoders`.
    """

    def __init__(
        self,
        guard: MediaValidator | None,
        pipeline: Iterable[Any] = (),
        decoders: Collection[type] = (),
    ) -> None:
        self._guard = guard or MediaValidator(None)
        self._decoders = set(decoders)
        found = [step for step in steps_of(pipeline) if issubclass(kind_of(step), ClipInit)]
        self._open: Any = ClipInit()
        if found:
            self._open = TRANSFORMS.build(found[0]) if isinstance(found[0], Mapping) else found[0]

    @property
    def strictness(self) -> int:
        """How many of the host's decoders have a say."""
        return len(self._decoders)

    def look(self, info: Mapping[str, Any]) -> None:
        """See that a clip may be read.

        Raises:
            ClipReadError: when it may not, or is not there.
        """
        # No number of a clip: here each is looked at once.
        self._guard.look({**info, 'sample_idx': None}, self._decoders)

    def __call__(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """What `ClipInit` makes of the clip ``info['filename']``.

        Raises:
            ClipReadError: when it may not or cannot be read.
        """
        self.look(info)
        opened = self._open(dict(info))
        assert isinstance(opened, dict)
        return opened


@contextmanager
def opened_clip(
    info: Mapping[str, Any], opener: Callable[[dict[str, Any]], Any]
) -> Iterator[tuple[dict[str, Any], Any]]:
    """What an opener makes of a clip, and the reader of its frames, closed behind the block.

    Raises:
        ClipReadError: when the clip cannot be opened.
    """
    opened = opener(dict(info))
    reader = opened.get('clip_reader') or FrameFolder(opened['frame_paths'])
    try:
        yield opened, reader
    finally:
        reader.close()


def steps_of(pipeline: Any) -> Iterator[Any]:
    """The transforms of a pipeline as in a config, those within others too."""
    for step in pipeline:
        if isinstance(step, Mapping):
            inner = step.get('transforms')
            if inner and not isinstance(inner, str):
                yield from steps_of([inner] if isinstance(inner, Mapping) else inner)
            yield step
        elif isinstance(step, list | tuple):
            yield from steps_of(step)
        else:
            yield step


def kind_of(step: Any) -> type:
    """The class of a transform or of its settings; ``object`` where none is known."""
    if not isinstance(step, Mapping):
        return type(step)
    kind = step.get('type')
    found = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return found if isinstance(found, type) else object
