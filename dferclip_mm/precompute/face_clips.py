"""From videos to clips of one face each, as the owners of the corpora have cropped theirs."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
from collections import Counter
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import cv2

from ..faces.crop import CropTemplate, crop_face
from ..faces.detectors import build_face_finder
from ..faces.track_faces import track_faces
from ..files import check_free_space
from ..media.shots import count_shots
from ..media.sources import read_source
from ..media.timed_frames import until_damage

# Below the folder of the clips, those that are not complete.
UNFINISHED = '.unfinished'
_QUALITY = (cv2.IMWRITE_JPEG_QUALITY, 95)
# What the work needs at least, in bytes.
_ROOM = 64 << 20

# Once in each process.
_finder = lru_cache(maxsize=1)(build_face_finder)


class CroppedClip(NamedTuple):
    """A row of the report: frames that were read, have the main face, and are written.

    A clip that is left out has none written. ``faces`` are tracks of faces that are high enough;
    one person has several after a cut. ``share`` is the main face's part of the area that all faces
    cover in all frames. ``problem`` tells why the clip, or the rest of it, could not be read.
    """

    clip: str
    frames: int
    seen: int
    written: int
    faces: int
    share: float
    problem: str = ''


class CropSettings(NamedTuple):
    """How faces are found and cropped.

    Attributes:
        template: of the crops.
        detector: ``'mtcnn'`` or a YuNet file.
        every: faces are detected in every n-th frame.
        min_face: faces that are less high are left out, in pixels.
        min_seen: clips with the main face in a smaller share of their frames are left out. DFEW's
            owners dropped those with more than half of their frames unusable.
    """

    template: CropTemplate
    detector: str = 'mtcnn'
    every: int = 3
    min_face: float = 24
    min_seen: float = 0.5


def crop_clip(clip: str, source: str, out: Path, settings: CropSettings) -> CroppedClip:
    """Write the frames of a clip's main face as ``out/clip/00001.jpg`` and so on.

    The main face is the track with the largest area, summed over all frames: who is in view for
    long and large. Frames without it are left out. The folder appears when it is complete, in the
    place of an earlier one; there is none without a face.

    Args:
        clip: its name, parts joined by ``/``.
        source: a video or frame folder.
        out, settings: as for `crop_clips`.
    """
    folder = out / clip
    # In the same file system, so that it can be renamed.
    partial_folder = out / UNFINISHED / clip
    areas: dict[int, float] = {}
    written: Counter[int] = Counter()
    frames = 0
    problems: list[Exception] = []
    shutil.rmtree(partial_folder, ignore_errors=True)
    shots = count_shots(until_damage(read_source(source), problems))
    for frame, faces in track_faces(shots, _finder(settings.detector), every=settings.every):
        frames += 1
        for face in faces:
            width, height = face.box[2:] - face.box[:2]
            if height < settings.min_face:
                continue
            areas[face.track] = areas.get(face.track, 0.0) + width * height
            written[face.track] += 1
            path = partial_folder / str(face.track) / f'{written[face.track]:05}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            crop = crop_face(frame.image, face.landmarks, face.box, settings.template)
            path.write_bytes(cv2.imencode('.jpg', crop[..., ::-1], _QUALITY)[1].tobytes())
    main = max(areas, key=lambda track: areas[track], default=-1)
    seen = written[main]
    kept = seen > 0 and seen >= settings.min_seen * frames
    if folder.is_dir():
        # Not silently: older frames would be taken for this clip's.
        shutil.rmtree(folder)
    if kept:
        folder.parent.mkdir(parents=True, exist_ok=True)
        (partial_folder / str(main)).rename(folder)
    shutil.rmtree(partial_folder, ignore_errors=True)
    share = areas.get(main, 0.0) / max(sum(areas.values()), 1e-9)
    found = (seen, seen if kept else 0, len(areas), round(float(share), 3))
    return CroppedClip(clip, frames, *found, ''.join(map(str, problems)))


def crop_clips(
    clips: Mapping[str, str], out: Path, settings: CropSettings, workers: int
) -> Generator[CroppedClip, None, None]:
    """Crop clips, several at a time; each is reported when it is done.

    Args:
        clips: name -> video or frame folder.
        out: folder of all clips; it is created.
        settings: of the crops.
        workers: processes; 0: in this one.

    Raises:
        ValueError: when a process dies, naming the clips that it may have died of.
    """
    check_free_space(out, _ROOM)
    crop = partial(crop_clip, out=out, settings=settings)
    if not workers:
        yield from (crop(clip, source) for clip, source in clips.items())
        return
    # A fork would copy the locks of PyTorch's and OpenCV's threads as they are.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (0,)) as pool:
        # They inherit it: Ctrl-C is for the program that started them, and waits for what is begun.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        waiting: dict[Future[CroppedClip], str] = {
            pool.submit(crop, clip, source): clip for clip, source in clips.items()
        }
        signal.signal(signal.SIGINT, before)
        try:
            for done in as_completed([*waiting]):
                yield done.result()
                del waiting[done]
        except BrokenProcessPool as error:
            begun = [*waiting.values()][: 2 * workers]
            raise ValueError(
                f'a process died while it read one of {", ".join(begun)}: leave that clip out, or '
                'find it with --workers 0'
            ) from error
        finally:
            # After Ctrl-C the clips that are begun are finished, and no others begin.
            pool.shutdown(cancel_futures=True)
