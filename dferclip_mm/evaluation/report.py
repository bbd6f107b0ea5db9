"""One page on the results of a run: figures, tables, and the clips to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..emotions import class_colors
from .calibration import reliability
from .compare import Run, compare
from .features import project
from .measures import COUNTED, class_f1
from .mistakes import MOST_POINTS, choose_clips, closest_calls, confused_pairs
from .pictures import contact_sheet, picture_of
from .plots import confusion_figure, curves_figure, reliability_figure
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
    explain: Callable[[str], Sequence[np.ndarray]] | None = None,
) -> str:
    """The page as HTML that needs no other file.

    Args:
        run: its results; several folds are shown together.
        curves: name -> curves of a training, one or one for each fold.
        read_frames: reads a clip; an OSError or ValueError becomes a note in its place.
        features: (N, D) of all clips, for the map; None: it is made from the class scores.
        progress: wraps the clips that are read.
        explain: gives a clip's frames with what spoke for the answer below; None: frames alone.

    Raises ValueError when the run has several answers to a clip.
    """
    if len(run.labels) < len(run.clips):
        raise ValueError(
            f'{run.name} has several answers to a clip, as of several seeds: report each of its '
            'folders'
        )
    results = pool_results(run.parts)
    pairs, closest = confused_pairs(results), closest_calls(results)
    mapped, wanted = choose_clips(results), {*closest}.union(*(pair['shown'] for pair in pairs))
    clips: dict[int, dict[str, Any]] = {}
    for number in progress(sorted({*wanted, *mapped.tolist()})):
        path = results.clips[number]
        clips[number] = describe_clip(run, results, number)
        try:
            frames = read_frames(path, FRAMES if number in wanted else 1)
            clips[number]['thumbnail'] = contact_sheet([frames[len(frames) // 2]], height=80)
            if number in wanted:
                height = 66 if explain is None else 224
                frames = frames if explain is None else explain(path)
                clips[number]['sheet'] = contact_sheet(frames, height=height)
        except (OSError, ValueError) as error:
            clips[number]['problem'] = str(error)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template('report.html').render(
        run=run,
        results=results,
        row=compare([run])[0],
        figures=[*COUNTED],
        classes=[*count_classes(results)],
        confusion=picture_of(confusion_figure(results.confusion, results.classes)),
        reliability=reliability_picture(results),
        curves={name: picture_of(curves_figure(each)) for name, each in curves.items()},
        explained=explain is not None,
        pairs=pairs,
        closest=closest,
        clips=clips,
        colors=[*class_colors(results.classes).values()],
        mapped='class scores' if features is None else 'features',
        drawn=len(mapped) == MOST_POINTS,
        places=dict(zip(mapped.tolist(), place_clips(results, features, mapped), strict=False)),
    )


def describe_clip(run: Run, results: Results, number: int) -> dict[str, Any]:
    """What is said of a clip: its name, and the scores of its label, its answer and the next."""
    scores = results.class_scores[number]
    shown = {
        'truth': results.truth[number],
        'answer': results.predicted[number],
        'then': np.argsort(-scores, kind='stable')[1],
    }
    return {
        'name': run.clips[number],
        'subject': results.subjects[number] if results.subjects else '',
        'scores': [(word, results.classes[each], scores[each]) for word, each in shown.items()],
        'wrong': shown['truth'] != shown['answer'],
    }


def count_classes(results: Results) -> Iterator[tuple[str, int, float | None, float | None]]:
    """The name, clips, precision and F1 in percent of each class; None where undefined."""
    counts = results.counts
    clips, answers = counts.sum(axis=1), counts[:, :-1].sum(axis=0)
    for number, (name, f1) in enumerate(zip(results.classes, class_f1(counts), strict=True)):
        precise = 100 * counts[number, number] / answers[number] if answers[number] else None
        yield name, int(clips[number]), precise, f1 if clips[number] else None


def reliability_picture(results: Results) -> str:
    """The reliability diagram; empty where the scores are no probabilities."""
    try:
        curve = reliability(results.class_scores[results.answered], results.truth[results.answered])
    except ValueError:
        return ''
    return picture_of(reliability_figure({'test clips': curve}))


def place_clips(results: Results, features: np.ndarray | None, chosen: np.ndarray) -> np.ndarray:
    """Chosen clips on a map of 640 x 480 points, (n, 2), by features, else by class scores.

    It is empty for fewer than 10 clips.
    """
    if len(chosen) < 10:
        return np.empty((0, 2))
    vectors = results.class_scores[chosen] if features is None else features[chosen]
    if features is None and vectors.min() >= 0:
        # Most probabilities are near 0 or 1: each class would be a single point.
        vectors = np.log(np.maximum(vectors, 1e-9))
    return project(vectors) * (610, -450) + (15, 465)
