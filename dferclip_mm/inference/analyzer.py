"""From a video to the emotions of each face over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from mmaction.structures import ActionDataSample
from mmcv.transforms import Compose

from ..engine.lookup import dataset_configs
from ..engine.model import load_model
from ..engine.options import load_config
from ..export import OnnxRecognizer
from ..faces.crop import CROP_FILE, CropTemplate, crop_face, find_template, read_template
from ..faces.detectors import Detector, build_face_finder
from ..faces.track_faces import Tracked, TrackedFace, track_faces
from ..media.images import IMAGE_SUFFIXES
from ..media.shots import count_shots
from ..media.timed_frames import TimedFrame, read_timed_frames
from ..precompute.encode_frames import encode_frames
from .overlay import Progress
from .tables import WINDOW_COLUMNS, FaceLog
from .timeline import ARRAY, EmotionTimeline
from .windows import MomentLog, Window, slide_windows

# Counts of an analysis, from which it says what was left out.
_COUNTS = dict(frames=0, faces=0, small=0, crowded=0)
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
        for name, value in (('stride', stride), ('window', window)):
            if value is not None and not value > 0:
                raise ValueError(f'{name}: expected more than 0 seconds, found {value:g}')
        if every < 1:
            raise ValueError(f'every: expected 1 or more, found {every}')
        changes = {'classes': classes, 'prompts': prompts}
        changes = {name: value for name, value in changes.items() if value is not None}
        held = None
        if checkpoint is None:
            if changes:
                raise ValueError(f'{config} has its classes: expected no other {min(changes)}')
            self.model: Any = OnnxRecognizer(config)
            cfg, checkpoint = self.model.cfg, str(Path(config).with_suffix('.pth'))
            held = self.model.metadata.get('crop')
        else:
            cfg = load_config(config)
            cfg.model.cls_head.update(changes)
            self.model = load_model(cfg, checkpoint)
        if crop == 'none' and detector != 'mtcnn':
            raise ValueError("crop='none': expected no detector, whole frames are the faces")
        if crop is not None:
            self.template = None if crop == 'none' else read_template(crop)
        else:
            self.template = CropTemplate(**held) if held else find_template(checkpoint)
            if self.template is None:
                path = Path(checkpoint).with_name(CROP_FILE)
                raise FileNotFoundError(
                    f"no {path}, which says how the model's training data is cropped: run `python "
                    f'tools/measure_crop.py {config} --out {path}` once'
                )
        self.find = build_face_finder(detector if self.template else _whole_frame)
        self.num_frames, self._pixels = _frame_steps(cfg.test_dataloader.dataset.pipeline)
        head = self.model.cls_head
        self.classes = tuple(getattr(head, 'classes', ()))
        if not self.classes:
            found = type(head).__name__
            raise ValueError(f'{config}: expected a head with classes, found a {found}')
        # A video backbone sees whole windows; of others each face is encoded once.
        self._by_frame = hasattr(self.model, 'num_frames')
        if self._by_frame:
            # Each window is one view; the batches of frames to encode have any length.
            self.model.num_frames = None
        self.model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        measured = self.template.clip_frames / _FRAME_RATE if self.template else 0
        self.window, self.stride = window or measured or _USUAL_WINDOW, stride
        self.every, self.max_faces, self.min_face = every, max_faces, min_face
        self.batch_size = batch_size
        data = [
            f'{each.type} in {each.get("data_root")}' for each in dataset_configs(cfg, ['train'])
        ]
        stored = getattr(self.model, 'metadata', {}).get('temperature', 1.0)
        self.info = dict(
            config=str(config), checkpoint=str(checkpoint), classes=list(self.classes),
            # Scores are calibrated by a temperature other than 1.
            trained_on=', '.join(data), temperature=float(getattr(head, 'temperature', stored)),
            crop=str(crop or 'of the checkpoint'),
            detector=str(detector), every=every, max_faces=max_faces, min_face=min_face,
            window=self.window, stride=stride, abstain=abstain,
        )  # fmt: skip

    def __call__(
        self,
        video: str | Path | np.ndarray,
        *,
        frame_rate: float = 25.0,
        start: float = 0.0,
        end: float = float('inf'),
        progress: Progress = iter,
    ) -> EmotionTimeline:
        """Analyse a video.

        Its ``info`` counts the ``frames``, the ``faces`` that were encoded, and those that were
        left out in all frames: ``small`` (``min_face``) and ``crowded`` (``max_faces``). Of a file
        that is damaged in the middle, what comes before is analysed, see ``damage``.

        Args:
            video: a file, or frames (T, H, W, 3), uint8 RGB, of ``frame_rate``.
            start, end: of the part to analyse, in seconds.
            progress: passes the frames on, to show how many were read; it may end early.

        Raises:
            ValueError, OSError: when it is not a video, or has no frame that can be read.
        """
        if isinstance(video, np.ndarray):
            name = ARRAY
            timed = (TimedFrame(n, n / frame_rate, image) for n, image in enumerate(video))
            frames: Iterator[TimedFrame] = (each for each in timed if start <= each.time < end)
        else:
            name = str(video)
            if name.lower().endswith(IMAGE_SUFFIXES):
                raise ValueError(f'{name}: expected a video, found a picture, which has no motion')
            frames = read_timed_frames(name, start=start, end=end)
        part = dict(video=name, start=start, end=end if end < float('inf') else None)
        info: dict[str, Any] = {**part, **self.info, **_COUNTS, 'seconds': 0.0, 'damage': ''}
        rows, log, moments = [], FaceLog(), MomentLog()
        read = progress(_until_damage(frames, info))
        for window, row in self._answers(log.note(self._track(read, info)), name, info):
            rows.append(row)
            moments.add(window, row['label'], row['score'])
        table = pd.DataFrame(rows, columns=[*WINDOW_COLUMNS, *self.classes])
        table = table.sort_values(['track', 'start'], ignore_index=True)
        return EmotionTimeline(
            windows=table,
            faces=log.table(name, table, self.classes),
            classes=self.classes,
            info=info,
            moments=moments.all(),
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
        while batch := list(islice(windows, self.batch_size)):
            for window, scores in zip(batch, self._score(batch, counts), strict=True):
                yield window, self._row(name, window, scores)

    def _track(self, frames: Iterable[TimedFrame], counts: dict[str, Any]) -> Iterator[Tracked]:
        """Each frame with its largest faces; others are counted."""
        for frame, found in track_faces(count_shots(frames), self.find, every=self.every):
            large = [face for face in found if face.box[3] - face.box[1] >= self.min_face]
            by_height = sorted(large, key=lambda face: face.box[1] - face.box[3])
            faces = sorted(by_height[: self.max_faces], key=lambda face: face.track)
            counts['small'] += len(found) - len(large)
            counts['crowded'] += len(large) - len(faces)
            yield frame, faces

    def _crop(self, image: np.ndarray, face: TrackedFace) -> np.ndarray:
        if self.template is None:
            return image
        return crop_face(image, face.landmarks, face.box, self.template)

    def _as_pixels(self, crops: Sequence[np.ndarray]) -> torch.Tensor:
        """What the pipeline makes of frames of one size."""
        sizes = dict.fromkeys(('img_shape', 'original_shape'), crops[0].shape[:2])
        data = dict(imgs=np.stack(crops), clip_len=len(crops), num_clips=1, **sizes)
        return torch.from_numpy(np.ascontiguousarray(self._pixels(data)['imgs']))

    @torch.no_grad()
    def _score(self, windows: Sequence[Window], counts: dict[str, Any]) -> np.ndarray:
        chosen = [window.choose(self.num_frames) for window in windows]
        if self._by_frame:
            # Windows share faces, and each is encoded once.
            fresh = [face for face in dict.fromkeys(chain(*chosen)) if face.feature is None]
            counts['faces'] += len(fresh)
            if fresh:
                pixels = torch.cat([self._as_pixels([face.crop]) for face in fresh])
                features = encode_frames(self.model, pixels, self.batch_size)
                for face, feature in zip(fresh, features, strict=True):
                    face.feature = feature
            inputs = np.array([[face.feature for face in faces] for faces in chosen])
            stacked = torch.from_numpy(inputs).to(next(self.model.parameters()).device)
        else:
            counts['faces'] += sum(map(len, chosen))
            clips = [self._as_pixels([face.crop for face in faces]) for faces in chosen]
            data = dict(inputs=clips, data_samples=[None] * len(clips))
            stacked = self.model.data_preprocessor(data, training=False)['inputs']
        samples = self.model.predict(stacked, [ActionDataSample() for _ in windows])
        return torch.stack([sample.pred_score for sample in samples]).float().cpu().numpy()

    def _row(self, name: str, window: Window, scores: np.ndarray) -> dict[str, Any]:
        faces = [each.face for each in window.samples]
        left, top, right, bottom = np.median([face.box for face in faces], axis=0)
        best = int(scores.argmax())
        values = (
            *(name, *window[:3], window.samples[0].frame, window.samples[-1].frame),
            *(
                left,
                top,
                right - left,
                bottom - top,
                float(np.mean([face.score for face in faces])),
            ),
            *(min(1.0, len(faces) / self.num_frames), self.classes[best], float(scores[best])),
            *scores.tolist(),
        )
        return dict(zip([*WINDOW_COLUMNS, *self.classes], values, strict=True))


def _whole_frame(image: np.ndarray) -> Any:
    """The detector for videos that are face crops: boxes, landmarks and scores."""
    height, width = image.shape[:2]
    return [(0, 0, width, height)], np.full((1, 5, 2), np.nan), [1.0]


def _frame_steps(pipeline: Sequence[Mapping[str, Any]]) -> tuple[int, Compose]:
    """Frames of a clip, and the steps between decoding and packing, of a test pipeline."""
    names = [step['type'] for step in pipeline]
    counts = [step['num_frames'] for step in pipeline if 'num_frames' in step]
    if 'ClipDecode' not in names or names[-1] != 'PackActionInputs' or len(counts) != 1:
        raise ValueError(
            'expected a test pipeline with num_frames, ClipDecode and, at its end, '
            f'PackActionInputs, found {", ".join(map(str, names))}'
        )
    return counts[0], Compose([*pipeline[names.index('ClipDecode') + 1 : -1]])


def _until_damage(frames: Iterable[TimedFrame], info: dict[str, Any]) -> Iterator[TimedFrame]:
    """The frames before a damage, counted; an error before the first frame is raised."""
    try:
        for frame in frames:
            info['frames'] += 1
            info['size'] = frame.image.shape[1::-1]
            info['seconds'] = frame.time
            yield frame
    except ValueError as error:
        if not info['frames']:
            raise ValueError(f'{info["video"]}: {error}') from error
        info['damage'] = str(error)
