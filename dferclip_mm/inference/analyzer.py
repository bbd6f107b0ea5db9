"""From a video to the emotions of each face over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from ..engine.lookup import dataset_configs, find_test_dataset
from ..engine.model import load_model
from ..engine.options import load_config
from ..explain.clip import Clip, UndefinedError, leave_one_out
from ..explain.face import overlay, patch_relevance
from ..export import OnnxRecognizer
from ..faces.crop import CROP_FILE, CropTemplate, crop_face, find_template, read_template
from ..faces.detectors import Detector, build_face_finder
from ..faces.track_faces import Tracked, TrackedFace, track_faces
from ..media.shots import count_shots
from ..media.sources import list_videos, read_source
from ..media.timed_frames import TimedFrame, until_damage
from ..precompute.score_clips import ClipScorer
from ..precompute.track_windows import Window, slide_windows
from .moments import MomentLog, Seen, as_jpeg
from .overlay import Progress
from .tables import WINDOW_COLUMNS, FaceLog
from .timeline import ARRAY, EmotionTimeline

# Counts of an analysis, from which it says what was left out.
_COUNTS = dict(frames=0, faces=0, small=0, crowded=0, seconds=0.0)
# A face that was answered in the frame before is left for one that is higher by more.
_STEADY = 1.25
# In seconds, where the length of the training clips was not measured; frames a second of these.
_USUAL_WINDOW, _FRAME_RATE = 2.8, 25


class EmotionAnalyzer:
    """A trained model that answers for each face of a video, over time.

    Args:
        config, checkpoint: of the model, whose test pipeline says what it sees of a clip; or a file
            of ``tools/export_model.py`` alone. ``'none'`` for plain CLIP.
        device: the GPU where there is one by default.
        classes, prompts: others than the config's, for a model that compares with text.
        crop: the file of `tools/measure_crop.py` for the model's training data; by default what
            the checkpoint holds, or ``crop.json`` beside it. ``'none'`` for videos that are face
            crops already: each whole frame is a face, and none is searched for.
        detector: of faces in every n-th frame (``every``), see `build_face_finder`.
        max_faces: of a frame at most that many are answered, the largest ones; None for all.
        min_face: faces that are less high are left out, in pixels.
        window, stride: of the model and between two windows, in seconds; by default a window is as
            long as the clips it was trained on, in the file of ``crop``, at 25 frames per second.
        abstain: segments with a lower score are left out; windows keep all scores.
        batch_size: faces and windows at a time.

    Raises:
        FileNotFoundError, ValueError: when a file is missing, or the parts do not fit.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | None = None,
        *,
        device: str | None = None,
        classes: Sequence[str] | None = None,
        prompts: Any = None,
        crop: str | Path | None = None,
        detector: str | Path | Detector = 'mtcnn',
        every: int = 3,
        max_faces: int | None = 20,
        min_face: float = 24,
        window: float | None = None,
        stride: float = 0.5,
        abstain: float = 0.0,
        batch_size: int = 32,
    ) -> None:
        for name, value in dict(stride=stride, window=window, every=every).items():
            if value is not None and not value > 0:
                raise ValueError(f'{name}: expected more than 0, found {value:g}')
        changes = {'classes': classes, 'prompts': prompts}
        changes = {name: value for name, value in changes.items() if value is not None}
        if checkpoint is None:
            if changes:
                raise ValueError(f'{config} has its classes: expected no other {min(changes)}')
            self.model: Any = OnnxRecognizer(config)
            cfg, checkpoint = self.model.cfg, str(Path(config).with_suffix('.pth'))
        else:
            cfg = load_config(config)
            _check_classes(cfg.model.cls_head, classes)
            cfg.model.cls_head.update(changes)
            self.model = load_model(cfg, checkpoint)
        stored = getattr(self.model, 'metadata', {})
        if crop == 'none' and detector != 'mtcnn':
            raise ValueError("crop='none': expected no detector, whole frames are the faces")
        if crop is not None:
            self.template = None if crop == 'none' else read_template(crop)
        else:
            held = stored.get('crop')
            self.template = CropTemplate(**held) if held else find_template(checkpoint)
            if self.template is None:
                path = Path(checkpoint).with_name(CROP_FILE)
                raise FileNotFoundError(
                    f"no {path}, which says how the model's training data is cropped: run `python "
                    f'tools/measure_crop.py {config} --out {path}` once'
                )
        self.find = build_face_finder(detector if self.template else _whole_frame)
        pipeline = find_test_dataset(cfg).pipeline
        self._scorer = ClipScorer(self.model, pipeline, batch_size)
        self.num_frames = self._scorer.num_frames
        head = self.model.cls_head
        self.classes = tuple(getattr(head, 'classes', ()))
        if not self.classes:
            found = type(head).__name__
            raise ValueError(f'{config}: expected a head with classes, found a {found}')
        self.model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        measured = self.template.clip_frames / _FRAME_RATE if self.template else 0
        self.window, self.stride = window or measured or _USUAL_WINDOW, stride
        self.every, self.max_faces, self.min_face = every, max_faces, min_face
        self.batch_size = batch_size
        data = [
            f'{each.type} in {each.get("data_root")}' for each in dataset_configs(cfg, ['train'])
        ]
        self.info = dict(
            config=str(config), checkpoint=str(checkpoint), classes=list(self.classes),
            # Scores are calibrated by a temperature other than 1.
            trained_on=', '.join(data),
            temperature=float(getattr(head, 'temperature', stored.get('temperature', 1.0))),
            crop=str(crop or 'of the checkpoint'),
            detector=str(detector), every=every, max_faces=max_faces, min_face=min_face,
            window=self.window, stride=stride, abstain=abstain,
        )  # fmt: skip

    def __call__(
        self,
        video: Any,
        *,
        frame_rate: float = 25.0,
        start: float = 0.0,
        end: float = float('inf'),
        explain: bool = False,
        progress: Progress = iter,
    ) -> Any:
        """Analyse a video: its `EmotionTimeline`, or a list of them, in order of the names.

        The ``info`` counts the ``frames``, the ``faces`` that were encoded, and those that were
        left out in all frames: ``small`` (``min_face``) and ``crowded`` (``max_faces``). Of a file
        that is damaged in the middle, what comes before is analysed, see ``damage``.

        Args:
            video: a file; a folder of images, or frames (T, H, W, 3), uint8 RGB, of
                ``frame_rate``; the number of a camera; or a list or a folder of videos.
            start, end: of the part to analyse, in seconds; a camera ends there.
            explain: show for the strongest moment of each class which frames and which places of
                the face speak for it, see `Moment`. Where the model has no such explanation,
                ``info['unexplained']`` says why.
            progress: passes the frames on, to show how many were read; it may end early.

        Raises:
            ValueError, OSError: when it is not a video, or has no frame that can be read.
        """
        if explain and not isinstance(self.model, torch.nn.Module):
            raise ValueError(
                f'explain: expected CONFIG and CHECKPOINT, found {self.info["config"]}, whose '
                'weights have no gradients'
            )
        options: Any = dict(frame_rate=frame_rate, start=start, end=end)
        several = isinstance(video, str | Path) and list_videos(video)
        if several or isinstance(video, list | tuple):
            options |= dict(explain=explain, progress=progress)
            return [self(each, **options) for each in several or video]
        frames, name = read_source(video, **options), str(video)
        if not isinstance(video, str | Path):
            name = ARRAY if isinstance(video, np.ndarray) else f'camera {video}'
        part = dict(video=name, start=start, end=end if end < float('inf') else None)
        info: dict[str, Any] = {**part, **self.info, **_COUNTS, 'damage': ''}
        rows, log, moments, problems = [], FaceLog(), MomentLog(), list[Exception]()
        read = progress(until_damage(frames, problems))
        for window, row in self._answers(log.note(self._track(read, info)), name, info):
            rows.append(row)
            moments.add(window, row['label'], row['score'])
        if problems and not info['frames']:
            # That of a missing file repeats its name.
            said = getattr(problems[0], 'strerror', None) or problems[0]
            raise ValueError(f'{name}: {said}') from problems[0]
        info['damage'] = ''.join(map(str, problems))
        table = pd.DataFrame(rows, columns=[*WINDOW_COLUMNS, *self.classes])
        table = table.sort_values(['track', 'start'], ignore_index=True)
        found = moments.all(partial(self._explain, info) if explain else None)
        if any(each.frames for each in found):
            info.pop('unexplained', None)
        return EmotionTimeline(
            windows=table,
            faces=log.table(name, table, self.classes),
            classes=self.classes,
            info=info,
            moments=found,
        )

    def stream(self, frames: Iterable[TimedFrame], name: str = '') -> Iterator[dict[str, Any]]:
        """The rows of the table ``windows``, each soon after its window is over.

        ``frames`` are of one video, in order; memory is constant.
        """
        counts = dict(_COUNTS)
        for _, row in self._answers(self._track(frames, counts), name, counts):
            yield row

    def _answers(
        self, tracked: Iterable[Tracked], name: str, counts: dict[str, Any]
    ) -> Iterator[tuple[Window, dict[str, Any]]]:
        times = dict(length=self.window, stride=self.stride, step=self.window / self.num_frames)
        windows = slide_windows(tracked, self._crop, **times)
        encoded = self._scorer.encoded
        while batch := list(islice(windows, self.batch_size)):
            scores = self._scorer.score([window.choose(self.num_frames) for window in batch])
            counts['faces'] = self._scorer.encoded - encoded
            for window, each in zip(batch, scores, strict=True):
                yield window, self._row(name, window, each)

    def _track(self, frames: Iterable[TimedFrame], counts: dict[str, Any]) -> Iterator[Tracked]:
        """Each frame, counted, with its largest faces; others are counted."""
        before: set[int] = set()

        def rank(face: TrackedFace) -> float:
            # Of a crowd of equal heights the same faces are answered in each frame.
            return (face.box[1] - face.box[3]) * (_STEADY if face.track in before else 1)

        for frame, found in track_faces(count_shots(frames), self.find, every=self.every):
            large = [face for face in found if face.box[3] - face.box[1] >= self.min_face]
            faces = sorted(large, key=rank)[: self.max_faces]
            before = {face.track for face in faces}
            counts['frames'] += 1
            counts['seconds'], counts['size'] = frame.time, frame.image.shape[1::-1]
            counts['small'] += len(found) - len(large)
            counts['crowded'] += len(large) - len(faces)
            yield frame, sorted(faces, key=lambda face: face.track)

    def _crop(self, image: np.ndarray, face: TrackedFace) -> np.ndarray:
        if self.template is None:
            return image
        return crop_face(image, face.landmarks, face.box, self.template)

    def _explain(self, info: dict[str, Any], window: Window, label: str) -> list[Seen]:
        """The frames that the model saw of a window, and what speaks for a label in each."""
        faces, number = window.choose(self.num_frames), self.classes.index(label)
        pixels = self._scorer.pixels(faces)
        # Video backbones have (1, 3, T, H, W).
        pixels = pixels[0].transpose(0, 1) if pixels.ndim == 5 else pixels
        clip = Clip('a window', pixels, np.array([face.frame for face in faces]))
        try:
            places = overlay(clip, patch_relevance(self.model, clip, number))
            effects = leave_one_out(self.model, clip)[:, number]
        except UndefinedError as error:
            info['unexplained'] = str(error)
            return []
        shown = zip(faces, effects, clip.frames, places, strict=True)
        return [Seen(face.time, float(effect), as_jpeg(*pair)) for face, effect, *pair in shown]

    def _row(self, name: str, window: Window, scores: np.ndarray) -> dict[str, Any]:
        faces, best = window.faces, int(scores.argmax())
        left, top, right, bottom = np.median([each.face.box for each in faces], axis=0)
        values = (
            *(name, window.track, window.start, window.end, faces[0].frame, faces[-1].frame),
            *(left, top, right - left, bottom - top),
            float(np.mean([each.face.score for each in faces])),
            min(1.0, len(window.samples) / self.num_frames),
            *(self.classes[best], *scores[[best]].tolist(), *scores.tolist()),
        )
        return dict(zip([*WINDOW_COLUMNS, *self.classes], values, strict=True))


def _check_classes(head: Mapping[str, Any], classes: Sequence[str] | None) -> None:
    """Raise ValueError when a head cannot have these classes in place of its own."""
    if classes is None:
        return
    if len(classes) < 2:
        raise ValueError(f'classes: expected two or more, found {", ".join(classes)}')
    if head.get('num_context') and head.get('class_specific', True):
        raise ValueError(
            f'classes: this model learned a context for each of its own classes, and none for '
            f'{classes[0]}: expected a model without learned context (num_context=0), as EmoCLIP is'
        )


def _whole_frame(image: np.ndarray) -> Any:
    """The detector for videos that are face crops: boxes, landmarks and scores."""
    height, width = image.shape[:2]
    return [(0, 0, width, height)], np.full((1, 5, 2), np.nan), [1.0]
