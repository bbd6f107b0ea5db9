"""One page on the results of a run: figures, tables, and the clips to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..emotions import class_colors
from .calibration import reliability
from .compare import MEASURES, Run, compare
from .measures import class_f1, count_answers
from .mistakes import closest_calls, confused_pairs
from .pictures import contact_sheet, picture_of, thumbnail
from .plots import confusion_figure, curves_figure, reliability_figure
from .projection import MOST_POINTS, choose_clips, project
from .results import Curves, Results, pool_results

# A clip and a number of frames: RGB frames, evenly spread over it.
ReadFrames = Callable[[str, int], Sequence[np.ndarray]]
FRAMES = 16


def render_report(
    run: Run,
    curves: Mapping[str, Curves],
    read_frames: ReadFrames,
    features: np.ndarray | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
    note: str = '',
) -> str:
    """The page as HTML that needs no other file.

    Args:
        run: its results; several folds are shown together.
        curves: name -> curves of a training, one or one for each fold.
        read_frames: reads a clip; an OSError or ValueError becomes a note in its place.
        features: (N, D) of all clips, for the map; None: it is made from the class scores.
        progress: wraps the clips that are read.
        note: what the pictures of the clips show, where that is more than their frames.

    Raises:
        ValueError: when the run has several answers to a clip.
    """
    if len(run.labels) < len(run.clips):
        raise ValueError(
            f'{run.name} has several answers to a clip, as of several seeds: report each of its '
            'folders'
        )
    results = pool_results(run.parts)
    page = Page(run, results, read_frames)
    chosen = choose_clips(results)
    vectors = results.class_scores if features is None else features
    pairs = confused_pairs(results)
    closest = closest_calls(results)
    wanted = {number for pair in pairs for number in pair.shown} | {*closest}
    for number in progress(sorted({*wanted, *chosen.tolist()})):
        page.read(number, FRAMES if number in wanted else 1)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template('report.html').render(
        **page.summary(),
        note=note,
        curves=[
            {'name': name, 'picture': picture_of(curves_figure(each.loss, each.validation))}
            for name, each in curves.items()
        ],
        pairs=[
            {
                'truth': results.classes[pair.truth],
                'answer': results.classes[pair.answer],
                'count': pair.clips,
                'share': f'{pair.share:.1f}',
                'clips': [page.clip(number) for number in pair.shown],
            }
            for pair in pairs
        ],
        closest=[page.clip(number) for number in closest],
        **page.plane(chosen, vectors, 'class scores' if features is None else 'features'),
    )


class Page:
    """What the template shows of a run, and the pictures of its clips."""

    def __init__(self, run: Run, results: Results, read_frames: ReadFrames) -> None:
        self.run, self.results, self.read_frames = run, results, read_frames
        self.names = run.clips
        self.pictures: dict[int, dict[str, str]] = {}

    def read(self, number: int, count: int) -> None:
        """Read a clip: the contact sheet of `count` frames if above 1, and the thumbnail."""
        found = self.pictures[number] = {'sheet': '', 'thumbnail': '', 'problem': ''}
        try:
            frames = self.read_frames(self.results.clips[number], count)
        except (OSError, ValueError) as error:
            found['problem'] = str(error)
            return
        found['thumbnail'] = thumbnail(frames[len(frames) // 2])
        if count > 1:
            found['sheet'] = contact_sheet(frames)

    def summary(self) -> dict[str, Any]:
        """The head of the page, the table of the classes, confusion and calibration."""
        results, classes = self.results, self.results.classes
        (row,) = compare([self.run])
        counts = count_answers(results.truth, results.predicted, len(classes))
        answers = counts[:, :-1].sum(axis=0)
        answered = results.answered
        try:
            curve = reliability(results.class_scores[answered], results.truth[answered])
        except ValueError:
            # Scores that are no probabilities have no calibration.
            curve = None
        sources = dict.fromkeys(part.source.get('checkpoint', 'unknown') for part in self.run.parts)
        return {
            'title': self.run.name,
            'clips': len(results.truth),
            'subjects': len(set(results.subjects)),
            'checkpoint': ', '.join(sources),
            'selection': self.run.selection,
            'unanswered': int((~answered).sum()),
            'scores': {name: row.figures[name] for name in MEASURES},
            'classes': [
                {
                    'name': name,
                    'clips': int(counts[number].sum()),
                    'recall': row.figures.get(f'recall/{name}'),
                    'precision': _share(counts[number, number], answers[number]),
                    'f1': _share(class_f1(counts)[number], 100),
                }
                for number, name in enumerate(classes)
            ],
            'confusion': picture_of(confusion_figure(results.scores.confusion, classes)),
            'confusion_width': min(900, 180 + 65 * len(classes)),
            'reliability': None
            if curve is None
            else picture_of(reliability_figure({'test clips': curve})),
        }

    def clip(self, number: int) -> dict[str, Any]:
        """A clip with its contact sheet."""
        results, scores = self.results, self.results.class_scores[number]
        shown = {
            'truth': results.truth[number],
            'answer': results.predicted[number],
            'then': np.argsort(-scores, kind='stable')[1],
        }
        return {
            **self.pictures[number],
            'name': self.names[number],
            'subject': results.subjects[number] if results.subjects else '',
            'scores': [(word, results.classes[each], scores[each]) for word, each in shown.items()],
        }

    def plane(self, chosen: np.ndarray, vectors: np.ndarray, what: str) -> dict[str, Any]:
        """The map of chosen clips."""
        results = self.results
        if len(chosen) < 10:
            return {'points': [], 'mapped': 'A map needs at least 10 clips.'}
        try:
            places = project(vectors[chosen])
        except ImportError as error:
            return {'points': [], 'mapped': str(error)}
        colors = [*class_colors(results.classes).values()]
        points, hover = [], []
        for number, (x, y) in zip(chosen.tolist(), places, strict=True):
            clip, truth, answer = (
                self.clip(number),
                results.truth[number],
                results.predicted[number],
            )
            ring = colors[answer] if answer != truth else ''
            color = colors[truth]
            point = {'x': f'{15 + 610 * x:.1f}', 'y': f'{465 - 450 * y:.1f}'}
            points.append({**point, 'color': color, 'ring': ring})
            lines = [f'{word} {name} ({score:.2f})' for word, name, score in clip['scores'][:2]]
            hover.append({'picture': clip['thumbnail'], 'lines': [*lines, clip['name']]})
        legend = [
            {'name': name, 'color': color}
            for name, color in zip(results.classes, colors, strict=True)
        ]
        drawn = f'{len(chosen)} clips' + (' drawn at random' if len(chosen) == MOST_POINTS else '')
        mapped = f'the {what} of {drawn}'
        return {'points': points, 'hover': hover, 'legend': legend, 'mapped': mapped}


def _share(part: float, whole: float) -> str:
    return f'{100 * part / whole:.1f}' if whole and not np.isnan(part) else ''
