"""From a video to the emotions of each face over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
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
from ..faces.crop import CROP_FILE, build_template, crop_face, find_template, read_template
from ..faces.detectors import Detector, build_face_finder
from ..faces.track_faces import Tracked, TrackedFace, track_faces
from ..media.images import IMAGE_SUFFIXES
from ..media.shots import count_shots
from ..media.timed_frames import TimedFrame, read_timed_frames
from ..precompute.encode_frames import encode_frames
from .face_samples import choose_faces, sample_faces, whole_frame
from .moments import MomentLog
from .tables import WINDOW_COLUMNS, FaceLog
from .timeline import ARRAY, EmotionTimeline
from .windows import FaceSample, Window, slide_windows

Log = Callable[[TimedFrame, list[TrackedFace]], None]

# Counts of an analysis, from which it says what was left out.
_COUNTS = dict(frames=0, faces=0, small=0, crowded=0)
# In seconds, where the length of the training clips was not measured; frames a second of these.
_USUAL_WINDOW, _FRAME_RATE = 2.8, 25


class EmotionAnalyzer:
    """A trained model that answers for each face of a video, over time.

    Args:
        config: the model's config; its test pipeline says what the model sees of a clip. Or a file
            of ``tools/export_model.py``, without a checkpoint.
        checkpoint: of the model, or ``'none'`` for plain CLIP.
        device: as PyTorch names it; the GPU where there is one by default.
        classes: other class names than the config's, for a model that compares with text.
        prompts: another prompt set, as in the config (`dferclip_mm.prompts.load_prompts`).
        crop: the file of `tools/measure_crop.py` for the model's training data; by default what
            the checkpoint holds, or ``crop.json`` beside it. ``'none'`` for videos that are face
            crops already: each whole frame is a face, and none is searched for.
        detector: of faces, see `build_face_finder`.
        every: faces are detected in every n-th frame.
        max_faces: of a frame at most that many are answered, the largest ones; None for all.
        min_face: faces that are less high are left out, in pixels.
        window: of the model in seconds: by default as long as the clips it was trained on, whose
            median length `tools/measure_crop.py` measures, at 25 frames per second.
        stride: from one window to the next one, in seconds.
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
        self.template = None
        if crop is None:
            self.template = build_template(held) if held else find_template(checkpoint)
            if self.template is None:
                path = Path(checkpoint).with_name(CROP_FILE)
                raise FileNotFoundError(
                    f"no {path}, which says how the model's training data is cropped: run `python "
                    f'tools/measure_crop.py {config} --out {path}` once'
                )
        elif crop != 'none':
            self.template = read_template(crop)
        elif detector != 'mtcnn':
            raise ValueError("crop='none': expected no detector, whole frames are the faces")
        self.find = build_face_finder(detector if self.template else whole_frame)
        self.num_frames, self._pixels = _frame_steps(cfg.test_dataloader.dataset.pipeline)
        self.classes = tuple(getattr(self.model.cls_head, 'classes', ()))
        if not self.classes:
            raise ValueError(
                f'{config}: expected a head with classes, found a '
                f'{type(self.model.cls_head).__name__}'
            )
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
        self.info = dict(
            config=str(config), checkpoint=str(checkpoint), classes=list(self.classes),
            trained_on=_training_data(cfg), temperature=_temperature(self.model),
            crop=str(crop or 'of the checkpoint'),
            detector=str(detector), every=every, max_faces=max_faces, min_face=min_face,
            window=self.window, stride=stride, abstain=abstain,
        )  # fmt: skip

    @property
    def step(self) -> float:
        """Seconds from one face that is encoded to the next one of its track."""
        return self.window / self.num_frames

    def __call__(
        self,
        video: str | Path | np.ndarray,
        *,
        frame_rate: float = 25.0,
        start: float = 0.0,
        end: float = float('inf'),
        progress: Callable[[Iterator[TimedFrame]], Iterable[TimedFrame]] = iter,
    ) -> EmotionTimeline:
        """Analyse a video.

        Args:
            video: a file, or frames (T, H, W, 3), uint8 RGB.
            frame_rate: of an array, in frames per second; a file has its own times.
            start: of the part to analyse, in seconds.
            end: of that part.
            progress: passes the frames on, to show how many were read; it may end early.

        Returns:
            The timeline; its tables have no answer where no face is found. ``info`` counts the
            ``frames``, the ``faces`` that were encoded, and those that were left out: ``small``
            (see ``min_face``) and ``crowded`` (see ``max_faces``), in all frames. Of a file that
            is damaged in the middle, what comes before is analysed, and ``info['damage']`` says so.

        Raises:
            ValueError: when it is not a video, or has no frame that can be read.
            OSError: when it cannot be read.
        """
        name = ARRAY if isinstance(video, np.ndarray) else str(video)
        part = dict(video=name, start=start, end=end if end < float('inf') else None)
        info: dict[str, Any] = {**part, **self.info, **_COUNTS, 'seconds': 0.0, 'damage': ''}
        if isinstance(video, np.ndarray):
            frames: Iterable[TimedFrame] = (
                TimedFrame(index, index / frame_rate, image)
                for index, image in enumerate(video)
                if start <= index / frame_rate < end
            )
        elif Path(name).suffix.lower() in IMAGE_SUFFIXES:
            raise ValueError(f'{name}: expected a video, found a picture, which has no motion')
        else:
            frames = read_timed_frames(name, start=start, end=end)
        rows, log, moments = [], FaceLog(), MomentLog()
        read = progress(_until_damage(frames, info))
        for window, scores in self._answers(read, info, log.add):
            rows.append(self._row(name, window, scores))
            moments.add(window, rows[-1]['label'], rows[-1]['score'])
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
        """The rows of the table, each soon after its window is over, in constant memory.

        Args:
            frames: of one video, in order.
            name: of the video, in the table.
        """
        for window, scores in self._answers(frames, dict(_COUNTS), lambda *_: None):
            yield self._row(name, window, scores)

    def _answers(
        self, frames: Iterable[TimedFrame], counts: dict[str, Any], log: Log
    ) -> Iterator[tuple[Window, np.ndarray]]:
        faces = sample_faces(self._track(frames, counts, log), self._crop, self.step)
        samples = self._encode(faces, counts)
        windows = slide_windows(samples, length=self.window, stride=self.stride, step=self.step)
        while batch := list(islice(windows, self.batch_size)):
            yield from zip(batch, self._score(batch), strict=True)

    def _track(
        self, frames: Iterable[TimedFrame], counts: dict[str, Any], log: Log
    ) -> Iterator[Tracked]:
        for frame, found in track_faces(count_shots(frames), self.find, every=self.every):
            faces = choose_faces(found, self.min_face, self.max_faces, counts)
            log(frame, faces)
            yield frame, faces

    def _crop(self, image: np.ndarray, face: TrackedFace) -> np.ndarray:
        if self.template is None:
            return image
        return crop_face(image, face.landmarks, face.box, self.template)

    def _encode(self, faces: Iterator[FaceSample], counts: dict[str, Any]) -> Iterator[FaceSample]:
        # Crops have one size; of whole frames a new shot may have another one.
        for _, alike in groupby(faces, key=lambda face: face.feature.shape):
            while batch := list(islice(alike, self.batch_size)):
                crops = np.stack([face.feature for face in batch])
                counts['faces'] += len(crops)
                encode = self._by_frame
                pixels = self._as_pixels(crops) if encode else None
                features = encode_frames(self.model, pixels, self.batch_size) if encode else crops
                for face, feature in zip(batch, features, strict=True):
                    yield face._replace(feature=feature, crop=face.feature)

    def _as_pixels(self, crops: np.ndarray) -> torch.Tensor:
        """What the pipeline makes of frames (T, H, W, 3)."""
        sizes = dict.fromkeys(('img_shape', 'original_shape'), crops.shape[1:3])
        results = self._pixels(dict(imgs=crops, clip_len=len(crops), num_clips=1, **sizes))
        return torch.from_numpy(np.ascontiguousarray(results['imgs']))

    @torch.no_grad()
    def _score(self, windows: Sequence[Window]) -> np.ndarray:
        inputs = [window.features(self.num_frames) for window in windows]
        if self._by_frame:
            stacked = torch.from_numpy(np.stack(inputs)).to(next(self.model.parameters()).device)
        else:
            data = dict(inputs=[self._as_pixels(crops) for crops in inputs])
            data['data_samples'] = [None] * len(inputs)
            stacked = self.model.data_preprocessor(data, training=False)['inputs']
        samples = self.model.predict(stacked, [ActionDataSample() for _ in windows])
        return torch.stack([sample.pred_score for sample in samples]).float().cpu().numpy()

    def _row(self, name: str, window: Window, scores: np.ndarray) -> dict[str, Any]:
        left, top, right, bottom = np.median([each.box for each in window.samples], axis=0)
        best = int(scores.argmax())
        return dict(
            video=name,
            track=window.track,
            start=window.start,
            end=window.end,
            frame_start=window.samples[0].frame,
            frame_end=window.samples[-1].frame,
            x=left,
            y=top,
            w=right - left,
            h=bottom - top,
            face_score=float(np.mean([each.score for each in window.samples])),
            coverage=min(1.0, len(window.samples) / self.num_frames),
            label=self.classes[best],
            score=float(scores[best]),
            **dict(zip(self.classes, scores.tolist(), strict=True)),
        )


def _training_data(cfg: Mapping[str, Any]) -> str:
    """The datasets that a config trains on."""
    return ', '.join(
        f'{each.type} in {each.get("data_root")}' for each in dataset_configs(cfg, ['train'])
    )


def _temperature(model: Any) -> float:
    """By which scores are calibrated; 1 where they are not."""
    stored = getattr(model, 'metadata', {}).get('temperature', 1.0)
    return float(getattr(model.cls_head, 'temperature', stored))


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
