from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from drawn_faces import draw_clip, random_identity
from drawn_faces.film import Film, Role, Shot, write_film
from mmcv.transforms import Compose
from mmengine.config import Config
from untrained_demo import CONFIG, SIZE, TEMPLATE, write_untrained_demo

from dferclip_mm.emotions import CORPUS_CLASSES
from dferclip_mm.faces.boxes import NO_FACES
from dferclip_mm.inference import EmotionAnalyzer, EmotionTimeline
from dferclip_mm.inference.timeline import WINDOW_COLUMNS
from dferclip_mm.media.timed_frames import read_timed_frames

Build = Callable[..., EmotionAnalyzer]


def whole_frame(image: np.ndarray) -> tuple:
    """A detector for crops: every frame is one face, in the template's place."""
    height, width = image.shape[:2]
    return [(0, 0, width, height)], TEMPLATE.landmarks * (width, height), [1.0]


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_untrained_demo(tmp_path_factory.mktemp('model'))


@pytest.fixture
def build(checkpoint: str) -> Build:
    def analyzer(**settings: object) -> EmotionAnalyzer:
        settings = {'detector': whole_frame, 'window': 1.0, 'device': 'cpu', **settings}
        return EmotionAnalyzer(CONFIG, checkpoint, **settings)

    return analyzer


def clip(num_frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    person = random_identity(rng)
    return draw_clip(person, 'fear', num_frames=num_frames, size=SIZE, rng=rng).frames


@pytest.fixture(scope='module')
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three seconds of two people with a variable frame rate, then one second of nobody."""
    roles = [Role(person=n, path=((0, x, 0.45, 0.5),)) for n, x in enumerate((0.45, 1.3))]
    times = np.cumsum([0.0, *[0.04, 0.08, 0.06] * 22])
    film = Film(
        shots=(Shot(start=0.0, roles=roles), Shot(start=3.0)),
        times=times[times < 4].round(3).tolist(),
        width=320,
        height=180,
    )
    path = tmp_path_factory.mktemp('video') / 'film.mp4'
    write_film(path, film)
    return str(path)


def test_scores_of_crops_are_those_of_the_recognizer(build: Build) -> None:
    frames = clip(4)
    analyzer = build()
    result = analyzer(frames, frame_rate=4)
    assert len(result.windows) == 1
    data = dict(imgs=frames, clip_len=4, num_clips=1, img_shape=(SIZE, SIZE))
    cfg = Config.fromfile(CONFIG)
    pixels = Compose(cfg.test_dataloader.dataset.pipeline[3:])(data)
    batch = {'inputs': [pixels['inputs']], 'data_samples': [pixels['data_samples']]}
    with torch.no_grad():
        (sample,) = analyzer.model.test_step(batch)
    found = result.windows[list(analyzer.classes)].to_numpy()[0]
    np.testing.assert_allclose(found, sample.pred_score.numpy(), atol=1e-5)


def test_the_table_says_when_and_where_each_face_was(build: Build, video: str) -> None:
    result = build(detector='mtcnn')(video)
    table = result.windows
    assert list(table) == [*WINDOW_COLUMNS, *CORPUS_CLASSES['dfew']]
    assert set(table['video']) == {video}
    assert table['track'].unique().tolist() == [0, 1]
    for _, rows in table.groupby('track'):
        np.testing.assert_allclose(rows['start'].iloc[:4], [0, 0.5, 1, 1.5], atol=1e-6)
        np.testing.assert_allclose(rows['end'] - rows['start'], 1.0, atol=1e-6)
        # The shot ends at 3 seconds; nothing is answered where nobody is.
        assert 2.8 < rows['end'].max() < 3.3
        # Frame numbers count frames, whose rate varies: 17 of them are in a second.
        assert rows['frame_end'].iloc[0] - rows['frame_start'].iloc[0] in (11, 12, 13)
    middles = (table['x'] + table['w'] / 2).groupby(table['track']).mean().sort_values()
    np.testing.assert_allclose(middles, [81, 234], atol=6)
    assert (table['h'] / 90).between(0.7, 1.4).all()
    assert (table['coverage'] > 0.7).all()
    np.testing.assert_allclose(table[list(result.classes)].sum(axis=1), 1, atol=1e-5)
    best = table[list(result.classes)].to_numpy().argmax(axis=1)
    assert table['label'].tolist() == [result.classes[index] for index in best]
    assert result.info['frames'] == 67
    assert result.info['damage'] == ''


def test_each_sampled_face_is_encoded_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer, seen = build(stride=0.25), []
    forward = analyzer.model.backbone.forward
    monkeypatch.setattr(
        analyzer.model.backbone, 'forward', lambda x: (seen.append(len(x)), forward(x))[1]
    )
    result = analyzer(clip(80), frame_rate=25)
    # 3.2 seconds, four frames per window of one second; ten windows share them.
    assert sum(seen) == result.info['faces'] == 13
    assert len(result.windows) == 10


def test_a_video_and_its_frames_have_the_same_timeline(build: Build, video: str) -> None:
    analyzer = build()
    by_file = analyzer(video, end=1.5).windows
    frames = [frame for frame in read_timed_frames(video) if frame.time < 1.5]
    rows = list(analyzer.stream(frames, video))
    assert by_file.to_dict('records') == sorted(rows, key=lambda row: (row['track'], row['start']))


def test_there_is_no_answer_without_a_face(build: Build) -> None:
    result = build(detector=lambda image: NO_FACES)(clip(30))
    assert isinstance(result, EmotionTimeline)
    assert len(result.windows) == 0
    assert list(result.windows) == [*WINDOW_COLUMNS, *result.classes]
    assert result.info['frames'] == 30


def test_a_part_is_analysed_at_its_own_times(build: Build) -> None:
    table = build()(clip(100), frame_rate=25, start=1.0, end=2.6).windows
    assert table['start'].tolist() == pytest.approx([1.0, 1.5])
    assert table['end'].tolist() == pytest.approx([2.0, 2.5])
    assert table['frame_start'].min() >= 25
    assert table['frame_end'].max() < 65


def test_a_damaged_video_is_analysed_up_to_the_damage(build: Build, tmp_path: Path) -> None:
    whole = tmp_path / 'whole.mp4'
    role = Role(person=0, path=((0, 0.9, 0.5, 0.5),))
    film = Film(
        shots=(Shot(start=0.0, roles=(role,)),),
        times=[index / 25 for index in range(100)],
        width=160,
        height=90,
    )
    write_film(whole, film)
    broken = tmp_path / 'broken.mkv'
    with av.open(str(whole)) as source, av.open(str(broken), 'w') as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    result = build()(str(broken))
    assert 20 < result.info['frames'] < 90
    assert result.info['damage'].startswith('its header declares 4.0 seconds, and it holds ')
    assert len(result.windows) > 0


def test_a_model_without_learned_context_takes_any_classes(tmp_path: Path) -> None:
    config = CONFIG.with_name('demo_emoclip.py')
    result = EmotionAnalyzer(
        config,
        write_untrained_demo(tmp_path, config),
        classes=['boredom', 'interest'],
        prompts={'boredom': 'heavy lids.', 'interest': ['wide eyes.', 'raised brows.']},
        detector=whole_frame,
        window=1.0,
        device='cpu',
    )(clip(25))
    assert result.classes == ('boredom', 'interest')
    assert list(result.windows)[-2:] == ['boredom', 'interest']
    np.testing.assert_allclose(result.windows[['boredom', 'interest']].sum(axis=1), 1, atol=1e-5)


def test_other_classes_than_the_trained_ones_are_refused_where_the_context_is_theirs(
    build: Build,
) -> None:
    with pytest.raises(ValueError, match='prompt_learner'):
        build(classes=['boredom', 'interest'], prompts='class_names')


def test_a_missing_template_is_named_with_the_program_that_measures_it(
    build: Build, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r'run `python tools/measure_crop\.py'):
        build(crop=tmp_path / 'missing.json')


def test_a_pipeline_that_decodes_no_clip_is_refused(checkpoint: str, tmp_path: Path) -> None:
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.pipeline = cfg.test_dataloader.dataset.pipeline[:2]
    cfg.dump(tmp_path / 'config.py')
    with pytest.raises(ValueError, match='expected a test pipeline with num_frames, ClipDecode'):
        EmotionAnalyzer(tmp_path / 'config.py', checkpoint)
