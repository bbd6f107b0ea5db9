"""The timeline as a picture: scores over time, one panel for each track."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from ..emotions import class_colors
from ..files import atomic_write
from .report import describe_scores
from .tables import find_curves, number_stretches

if TYPE_CHECKING:
    from .timeline import EmotionTimeline

_MOST_TRACKS = 12


def draw_timeline(timeline: EmotionTimeline) -> Figure:
    """Draw the scores of each track over time.

    All of the video that was read is shown; grey is where the face is not in view. Curves join the
    middles of windows and break where there is no answer; the band below has the colour of the
    segment's class; beside it is the face at its strongest moment, which a triangle marks. Of many
    tracks the twelve with the most windows are drawn.
    """
    answered = timeline.tracks[timeline.tracks['windows'] > 0]
    drawn = answered.nlargest(_MOST_TRACKS, 'windows').sort_values('track')
    weakest_first = sorted(timeline.moments, key=lambda moment: moment.score)
    pictures = {moment.track: moment.picture for moment in weakest_first}
    figure = Figure(figsize=(12, 1.2 + 1.8 * max(1, len(drawn))), layout='constrained')
    rows = figure.subplots(max(1, len(drawn)), 2, squeeze=False, width_ratios=(1, 6.5))
    colors, windows, faces = class_colors(timeline.classes), timeline.windows, timeline.faces
    for (face, axes), track in zip(rows, drawn.itertuples(), strict=False):
        _show_thumbnail(face, track, pictures.get(track.track))
        here = faces[faces['track'] == track.track]
        stretches = here.groupby(number_stretches(here))['time'].agg(['min', np.ptp])
        axes.set(facecolor='0.92', prop_cycle=cycler(color=[*colors.values()]))
        axes.broken_barh(stretches.to_numpy(), (-1, 3), color='white', linewidth=0, zorder=0)
        for _, times, scores in find_curves(windows[windows['track'] == track.track], [*colors]):
            axes.plot(times, scores, linewidth=1.6)
        for each in timeline.segments.query(f'track == {track.track}').itertuples():
            axes.axvspan(each.start, each.end, 0, 0.08, color=colors[each.label], linewidth=0)
        axes.plot(track.peak, track.peak_score, 'v', color=colors[track.peak_label], ms=7)
    for face, axes in rows[len(drawn) :]:
        face.set_axis_off()
        axes.text(0.5, 0.5, 'no face was answered', ha='center', transform=axes.transAxes)
    limits = (faces['time'].min(), faces['time'].max()) if len(faces) > 1 else (0, 1)
    for axes in rows[:, 1]:
        axes.set(xlim=limits, ylim=(-0.1, 1.03), ylabel='score', yticks=(0, 0.5, 1))
        axes.xaxis.set_major_formatter(lambda time, _: format_time(time))
        axes.grid(alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
    for axes in rows[:-1, 1]:
        axes.tick_params(labelbottom=False)
    left_out = len(answered) - len(drawn)
    note = f'{left_out} shorter tracks are not drawn. ' if left_out else ''
    note += f'{describe_scores(timeline.info)} An expression is not a feeling.'
    figure.suptitle(note, fontsize=9, color='0.35')
    handles = [Patch(color=color, label=name) for name, color in colors.items()]
    figure.legend(handles=handles, loc='outside lower center', ncols=min(8, len(colors)))
    return figure


def format_time(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``, with tenths where they are not 0."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    clock = f'{minutes // 60}:{minutes % 60:02}' if minutes >= 60 else f'{minutes}'
    return f'{clock}:{tenths // 10:02}' + (f'.{tenths % 10}' if tenths % 10 else '')


def write_plot(timeline: EmotionTimeline, path: str | Path) -> None:
    """Draw scores, winning classes and strongest moments; the suffix says the format."""
    figure, suffix = draw_timeline(timeline), Path(path).suffix[1:]
    atomic_write(path, lambda temporary: figure.savefig(temporary, format=suffix, dpi=120))


def _show_thumbnail(axes: Axes, track: Any, picture: bytes | None) -> None:
    axes.set_axis_off()
    axes.set_title(f'face {track.track}', fontsize=10, loc='left')
    if picture is not None:
        axes.imshow(Image.open(BytesIO(picture)))
    said = f'{track.peak_label} {track.peak_score:.0%}\nat {format_time(track.peak)}'
    axes.text(0.5, -0.05, said, ha='center', va='top', fontsize=8, transform=axes.transAxes)
