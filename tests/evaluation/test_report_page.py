"""The page of tools/report.py: what it shows, and that nothing in it is taken for HTML."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from dferclip_mm.emotions import class_colors
from dferclip_mm.evaluation.compare import Run
from dferclip_mm.evaluation.features import choose_features
from dferclip_mm.evaluation.mistakes import choose_clips, closest_calls, confused_pairs
from dferclip_mm.evaluation.pictures import contact_sheet
from dferclip_mm.evaluation.report import render_report
from dferclip_mm.evaluation.results import Results

EVIL = '<script>alert(1)</script>"&\''


def answers(classes: tuple[str, ...] = ('a', 'b', 'c')) -> Results:
    """Twelve clips: two of a answered as b, one of c as a, and one without an answer."""
    truth = np.repeat([0, 1, 2], 4)
    predicted = truth.copy()
    predicted[[0, 1, 8]] = 1, 1, 0
    scores = np.full((12, 3), 0.1)
    scores[range(12), predicted] = 0.8
    scores[1] = 0.35, 0.6, 0.05
    scores[5] = 0.1, 0.5, 0.4
    scores[11], predicted[11] = -np.inf, -1
    clips = tuple(f'/clips/{number}' for number in range(12))
    scores = np.pad(scores, ((0, 0), (0, len(classes) - 3)))
    return Results(classes, truth, predicted, scores, clips)


def read_frames(path: str, count: int) -> list[np.ndarray]:
    if path.endswith('/8'):
        raise OSError(f'{EVIL} is empty')
    return [np.full((20, 20, 3), 9 * int(path[7:]), np.uint8)] * count


def test_confused_pairs_show_their_most_confident_clips_first() -> None:
    first, other = confused_pairs(answers(), shown=1)
    assert first == dict(truth=0, answer=1, clips=2, share=50, shown=[0])
    assert other['shown'] == [8]
    assert confused_pairs(answers(), pairs=1, shown=5)[0]['shown'] == [0, 1]
    assert closest_calls(answers(), shown=2) == [5, 1]


def test_the_page_shows_the_clips_and_needs_nothing_else() -> None:
    page = render_report(Run('run', (answers(('anger', 'b', 'c', 'unseen')),)), {}, read_frames)
    assert 'anger answered as b: 2 clips, 50.0 % of anger' in page
    assert 'There is no training log' in page
    assert 't-SNE of the class scores of 11 clips' in page
    places = np.array(re.findall(r'cx="(.*?)" cy="(.*?)"', page), float)
    assert len(places) == 11
    assert (places.min(axis=0).tolist(), places.max(axis=0).tolist()) == ([15, 15], [625, 465])
    assert '1 could not be read' in page
    # The calibration of the eleven answers.
    assert 'reliability diagram' in page
    assert page.count(class_colors(['anger'])['anger']) >= 3
    assert not re.search(r'(src|href)="(?!data:)|url\(|https?:|@import', page)
    assert len(re.findall(r'\d+: {picture: "data:image/jpeg', page)) == 10


def test_names_and_messages_are_shown_and_not_executed() -> None:
    class Tags(HTMLParser):
        found: list[str] = []
        texts: list[str] = []

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.found.append(tag)

        def handle_data(self, data: str) -> None:
            self.texts.append(data)

    results = answers(('a', EVIL, 'c'))
    clips = (*results.clips[:-1], f'/clips/{EVIL}/11')
    fields = {**vars(results), 'clips': clips, 'subjects': (EVIL,) * 12}
    source = {'checkpoint': EVIL, 'selection': EVIL}
    run = Run(EVIL, (Results(**{**fields, 'source': source}),))
    parser = Tags()
    parser.feed(render_report(run, {}, read_frames))
    assert parser.found.count('script') == 1
    assert f'{EVIL} is empty' in parser.texts
    assert EVIL in parser.texts


def test_seeds_are_reported_one_by_one() -> None:
    with pytest.raises(ValueError, match='several answers to a clip'):
        render_report(Run('run', (answers(), answers())), {}, read_frames)


def test_a_contact_sheet_has_the_frames_in_rows() -> None:
    frames = [np.full((30, 60, 3), (number, 0, 200), np.uint8) for number in range(0, 250, 50)]
    content = np.frombuffer(base64.b64decode(contact_sheet(frames, 3, 20)[23:]), 'u1')
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1]
    assert picture.shape == (40, 120, 3)
    found = [picture[y, x, 0] for y in (10, 30) for x in (20, 60, 100)]
    assert found == pytest.approx([0, 50, 100, 150, 200, 255], abs=6)


def test_features_are_those_of_the_tested_clips(tmp_path) -> None:
    results, path = answers(), tmp_path / 'test.npz'
    order = np.arange(12)[::-1]
    clips = np.array(results.clips)[order]
    np.savez(path, features=np.stack([order, order], axis=1), clips=clips)
    assert choose_features(path, results.clips)[:, 0].tolist() == list(range(12))
    np.savez(path, features=np.zeros((1, 2)), clips=['/other/0'])
    with pytest.raises(ValueError, match='no features of 12 of the 12 tested clips, such as /cl'):
        choose_features(path, results.clips)
    np.savez(path, something=1)
    with pytest.raises(ValueError, match=r'expected a file of tools/extract_features\.py, found'):
        choose_features(path, results.clips)


def test_a_map_of_very_many_clips_shows_a_part_of_them(monkeypatch) -> None:
    monkeypatch.setattr('dferclip_mm.evaluation.mistakes.MOST_POINTS', 5)
    chosen = choose_clips(answers())
    assert len(chosen) == 5
    assert set(chosen) <= set(range(11))
