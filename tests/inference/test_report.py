from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import open_browser, wait_until, watch
from drawn_videos import write
from small_timelines import small_timeline

from dferclip_mm.emotions import class_colors
from dferclip_mm.inference.moments import Moment, as_jpeg
from dferclip_mm.inference.report import describe_limits, write_report
from dferclip_mm.inference.timeline import EmotionTimeline

ROWS = ((0, 0, 2, 0.9), (0, 1, 3, 0.7), (0, 2, 4, 0.2), (1, 4.5, 6, 0.8))
NAME = '<img src=x onerror=alert(1)>'
WIDTHS = (1280, 390)


@pytest.fixture(scope='module')
def page() -> Iterator[Any]:
    with open_browser() as browser:
        page = browser.new_page()
        page.seen = watch(page)
        yield page


@pytest.fixture(scope='module')
def timeline(tmp_path_factory: pytest.TempPathFactory) -> EmotionTimeline:
    """Of a video of eight seconds; its name and a setting would do harm as HTML."""
    picture = as_jpeg(np.full((8, 8, 3), 99, np.uint8))
    path = tmp_path_factory.mktemp('video') / f'{NAME[:-1]} & "a".mp4'
    write(path, 200, size=(180, 320))
    moments = [Moment(0, 'happiness', 0.9, 1.0, picture), Moment(1, 'happiness', 0.8, 5.2, picture)]
    info = dict(video=str(path), size=(320, 180), note=f'</script>{NAME}', damage='')
    return replace(small_timeline(*ROWS, moments=moments), info=info)


def opened(page: Any, path: Path) -> None:
    page.seen.clear()
    page.goto(path.as_uri())
    wait_until(page, 'document.querySelector("video").readyState > 1')


def wait_for_time(page: Any, time: float) -> None:
    wait_until(page, f'Math.abs(document.querySelector("video").currentTime - {time}) < 0.05')


@pytest.fixture
def report(page: Any, timeline: EmotionTimeline, tmp_path: Path) -> Any:
    """The page with its video inside."""
    timeline.to_html(tmp_path / 'a.html')
    opened(page, tmp_path / 'a.html')
    yield page
    assert [text for text in page.seen if not text.startswith(('data:', 'file:'))] == []


def test_names_are_shown_as_text(report: Any, timeline: EmotionTimeline) -> None:
    assert report.locator('h1').text_content() == Path(timeline.info['video']).name
    assert f'</script>{NAME}' in report.locator('#made').text_content()
    assert report.locator('img[src=x]').count() == 0
    # The page holds its video, and asks for nothing else.
    files = [address for address in report.seen if not address.startswith('data:')]
    assert [address.rpartition('/')[2] for address in files] == ['a.html']


def test_a_click_on_a_curve_a_face_or_a_row_seeks_the_video(report: Any) -> None:
    chart = report.locator('.chart').first
    place = chart.bounding_box()
    chart.click(position=dict(x=0.5 * place['width'], y=30))
    # The first and the last frame are at 0 and 5.5 seconds.
    wait_for_time(report, 2.75)
    assert report.locator('.cursor').first.evaluate('each => each.style.left').startswith('50')
    for name, time in (('.shot', 1.0), ('#segments tbody tr:nth-child(2)', 2.5)):
        report.locator(name).first.click()
        wait_for_time(report, time)
    assert report.locator('#segments tr.on').count() == 1
    chart.press('ArrowRight')
    wait_for_time(report, 3)


def test_the_cursor_and_the_answers_follow_the_video(report: Any) -> None:
    report.evaluate('document.querySelector("video").play()')
    wait_until(report, 'document.querySelector("video").currentTime > 0.3')
    report.evaluate('document.querySelector("video").pause()')
    wait_until(
        report,
        'Math.abs(parseFloat(document.querySelector(".cursor").style.left) / 100 * 5.5'
        ' - document.querySelector("video").currentTime) < 0.05',
    )
    said = [each.text_content() for each in report.locator('.now').all()]
    assert said[0].endswith('happiness 90 %')
    assert said[1].endswith('not in view')


def test_a_box_has_the_colour_of_the_answer_and_lies_on_the_face(report: Any) -> None:
    report.locator('.shot').first.click()
    wait_for_time(report, 1)
    drawn = report.evaluate(
        """() => {
            const canvas = document.querySelector('canvas'), scale = canvas.width / 320;
            const at = (x, y) => [...canvas.getContext('2d').getImageData(
                Math.round(scale * x), Math.round(scale * y), 1, 1).data];
            return [at(1, 40), at(31, 40), at(16, 36), at(60, 40)];
        }"""
    )
    color = [int(class_colors(['happiness'])['happiness'][i : i + 2], 16) for i in (1, 3, 5)]
    for sides in drawn[:2]:
        np.testing.assert_allclose(sides[:3], color, atol=3)
        assert sides[3] > 100
    assert drawn[2][3] == drawn[3][3] == 0


@pytest.mark.parametrize('width', WIDTHS)
def test_the_page_fits_a_screen(report: Any, width: int) -> None:
    report.set_viewport_size(dict(width=width, height=800))
    report.wait_for_timeout(100)
    assert report.evaluate('document.documentElement.scrollWidth') == width
    player, chart = (report.locator(name).first.bounding_box() for name in ('.stage', '.chart'))
    beside = chart['x'] >= player['x'] + player['width']
    assert beside == (width == 1280)
    assert chart['width'] > 0.5 * width - 20
    sizes = report.evaluate(
        '[...document.querySelectorAll("p, td, th, li, dd, button, span")]'
        '.map(each => parseFloat(getComputedStyle(each).fontSize))'
    )
    assert min(sizes) >= 12


def test_a_large_video_is_linked_and_asked_for_where_it_is_missing(
    page: Any, timeline: EmotionTimeline, tmp_path: Path
) -> None:
    write_report(timeline, tmp_path / 'sub' / 'a.html', embed=1000)
    assert (tmp_path / 'sub' / 'a.html').stat().st_size < 60_000
    opened(page, tmp_path / 'sub' / 'a.html')
    moved = tmp_path / 'far' / 'away' / 'from' / 'it.html'
    moved.parent.mkdir(parents=True)
    (tmp_path / 'sub' / 'a.html').rename(moved)
    page.goto(moved.as_uri())
    page.locator('#pick').wait_for()
    assert 'it is not at ../' in page.locator('#lost').text_content()
    page.locator('#pick').set_input_files(timeline.info['video'])
    wait_until(page, 'document.querySelector("video").readyState > 1')


def test_a_video_that_browsers_do_not_play_is_converted(
    page: Any, timeline: EmotionTimeline, tmp_path: Path
) -> None:
    video = write(tmp_path / 'a.avi', codec='mpeg4')
    (tmp_path / 'video.mp4').write_bytes(b"somebody's")
    result = replace(timeline, info=timeline.info | dict(video=str(video)))
    write_report(result, tmp_path / 'a.html')
    opened(page, tmp_path / 'a.html')
    assert not (tmp_path / 'a.video.mp4').exists()
    assert (tmp_path / 'video.mp4').read_bytes() == b"somebody's"
    write_report(result, tmp_path / 'a.html', embed=1000)
    opened(page, tmp_path / 'a.html')
    assert (tmp_path / 'a.video.mp4').is_file()


@pytest.mark.parametrize('name', ['an array', 'gone.mp4'])
def test_without_a_face_or_a_file_there_is_a_page(page: Any, tmp_path: Path, name: str) -> None:
    result = replace(small_timeline(), info=dict(video=name))
    result.to_html(tmp_path / 'a.html')
    page.seen.clear()
    page.goto((tmp_path / 'a.html').as_uri())
    assert page.locator('#lanes').text_content() == 'No face was found.'
    assert not page.locator('.stage').is_visible()
    assert [text for text in page.seen if not text.startswith('file:')] == []


def test_the_limits_of_an_answer_are_said() -> None:
    info = dict(damage='frame 9 is damaged', interrupted=True, trained_on='DFEWDataset in d')
    usual, said = [*describe_limits({})], [*describe_limits(info)]
    words = ('frame 9 is damaged', 'interrupted', 'learned from DFEWDataset in d')
    assert [word in sentence for word, sentence in zip(words, said, strict=False)] == [True] * 3
    assert said[3:] == usual
    assert 'are not calibrated' in usual[0]
    assert 'docs/responsible_use.md' in usual[2]
    assert 'are calibrated (temperature 1.8)' in next(describe_limits({'temperature': 1.8}))
