"""The timeline as a page: one HTML file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..emotions import class_colors
from ..faces.boxes import BOX_COLUMNS
from ..files import atomic_write
from ..media.playable import data_url, page_address
from .tables import number_stretches

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

# Mail takes about 25 MB, and a file written as text is a third larger.
MAIL_BYTES = 15_000_000
_PAGE = Path(__file__).with_name('report.html')


def write_report(timeline: EmotionTimeline, path: str | Path, embed: int = MAIL_BYTES) -> None:
    """Write a page with player, curves, tables, and how they were made.

    A video of at most ``embed`` bytes is inside the page, see `page_address`. Where there is no
    file, there is no player.
    """
    times, faces = timeline.faces['time'], timeline.faces.dropna(subset=['track'])
    faces = faces.assign(stretch=number_stretches(faces))
    # Between two boxes that were detected the page finds the others itself.
    boxes = faces[~faces['interpolated'].astype(bool)][['track', 'stretch', 'time', *BOX_COLUMNS]]
    content = timeline.content() | dict(
        title=Path(timeline.info['video']).name,
        player=page_address(path, timeline.info['video'], embed),
        colors=class_colors(timeline.classes),
        span=[float(times.min()), float(times.max())] if len(times) else [0.0, 0.0],
        boxes=json.loads(boxes.to_json(orient='values', double_precision=3)),
        moments=[
            each._asdict()
            | dict(picture=data_url(each.picture, 'image/jpeg'))
            | dict(
                frames=[(*seen[:2], data_url(seen.picture, 'image/jpeg')) for seen in each.frames]
            )
            for each in sorted(timeline.moments, key=lambda each: -each.score)
        ],
        notes=[*describe_limits(timeline.info)],
    )
    # Within a script only this sign could end it, and the page writes all of it as text.
    data = json.dumps(content, ensure_ascii=False).replace('<', '\\u003c')
    atomic_write(path, _PAGE.read_text(encoding='utf-8').replace('DATA', data))


def describe_gaps(info: dict[str, Any]) -> Iterator[str]:
    """What of a video has no answer, in sentences."""
    if info.get('damage'):
        yield f'Only what comes before the damage is analysed: {info["damage"]}.'
    left_out = 'faces, counted in all frames, were left out, because'
    if info.get('crowded'):
        most = info['max_faces']
        yield f'{info["crowded"]} {left_out} at most {most} of a frame are answered (--faces).'
    if info.get('small'):
        least = f'{info["min_face"]:g} pixels'
        yield f'{info["small"]} {left_out} they are less than {least} high (--min-face).'
    if info.get('unexplained'):
        yield f'There is no explanation: {info["unexplained"]}.'


def describe_limits(info: dict[str, Any]) -> Iterator[str]:
    """What a reader has to know before believing a timeline, in sentences."""
    yield from describe_gaps(info)
    if info.get('interrupted'):
        yield 'The analysis was interrupted; what was read until then is shown.'
    if info.get('trained_on'):
        yield f'The model learned from {info["trained_on"]}; it may be worse with other people.'
    yield describe_scores(info)
    yield 'An expression is not a feeling: the model says what a face looks like.'
    yield 'What it may be used for: docs/responsible_use.md of dferclip_mm.'
    yield 'Nobody is identified: a number is a face that was followed, not a person.'


def describe_scores(info: dict[str, Any]) -> str:
    """Whether the scores are calibrated, as a sentence."""
    temperature = info.get('temperature', 1.0)
    if temperature == 1.0:
        return 'The scores are not calibrated: 80 % does not mean right in 80 of 100 cases.'
    fitted = f'The scores are calibrated (temperature {temperature:.3g}) on clips of the dataset'
    return f'{fitted}; for other videos they may be off.'
