from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import app
import pytest
from analyzed_clips import person, write_people
from browser import open_browser, wait_until, watch
from drawn_videos import write
from untrained_demo import CONFIG, write_untrained_demo

from dferclip_mm.media.timed_frames import read_duration


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a video of two seconds and one of five."""
    folder = tmp_path_factory.mktemp('app')
    write_untrained_demo(folder)
    write_people(folder / 'short.mp4', person(0))
    write_people(folder / 'long.mp4', person(0), seconds=5)
    write(folder / 'live.mkv', 125, muxer={'live': '1'})
    assert read_duration(str(folder / 'live.mkv')) == 0
    return folder


@pytest.fixture(scope='module')
def address(folder: Path) -> Iterator[str]:
    """The page, as the program serves it."""
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    words = f'--window 1 --device cpu --max-seconds 4 --port {port}'.split()
    ended = threading.Event()
    (folder / 'files').mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, 'argv', ['app', str(CONFIG), str(folder / 'model.pth'), *words])
        patch.setattr(os, 'environ', os.environ.copy())
        page = app.serve(app.parse_arguments(), folder / 'files', ended)
        yield page.local_url
        page.close(verbose=False)
        ended.set()


@pytest.fixture(scope='module')
def page(address: str) -> Iterator[Any]:
    fake_camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']
    with open_browser(*fake_camera) as browser:
        page = browser.new_page(viewport=dict(width=1280, height=1000))
        page.seen = watch(page)
        page.goto(address)
        page.get_by_role('button', name='Analyse').wait_for()
        yield page


def test_a_dropped_video_is_answered_and_nothing_leaves_the_computer(
    page: Any, folder: Path, address: str
) -> None:
    page.locator('input[type=file]').first.set_input_files(folder / 'short.mp4')
    page.locator('video').first.wait_for()
    page.get_by_role('button', name='Analyse').click()
    report = page.frame_locator('iframe[title=report]')
    report.locator('.chart').wait_for()
    assert 'Faces that were followed: 1, answered: 1.' in page.content()
    player = report.locator('video')
    report.locator('.shot').first.click()
    report.locator('.now').get_by_text('%').wait_for()
    assert player.evaluate('each => each.currentTime') > 0.1
    page.get_by_role('tab', name='Files').click()
    page.get_by_text('windows').first.wait_for()
    said = page.get_by_text('Model: model.pth of demo_dferclip.py. Classes: happiness, sadness')
    assert said.count() == 1
    local = (address, 'data:', 'blob:', address.replace('http', 'ws'), 'about:')
    assert [each for each in page.seen if not each.startswith(local)] == []
    held = {path.name for path in (folder / 'files').rglob('*.*')}
    assert {'short.mp4', 'timeline.html', 'windows.csv'} <= held


@pytest.mark.parametrize(
    ('name', 'classes', 'said'),
    [
        ('long.mp4', '', 'expected a video of at most 4 seconds, found one of 5'),
        # A recording does not declare its length.
        ('live.mkv', '', 'expected a video of at most 4 seconds, found one of 4'),
        ('short.mp4', 'bored', 'expected a line like'),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(
    page: Any, folder: Path, name: str, classes: str, said: str
) -> None:
    page.reload()
    page.locator('input[type=file]').first.set_input_files(folder / name)
    page.locator('textarea').first.fill(classes)
    page.get_by_role('button', name='Analyse').click()
    page.get_by_text(said).first.wait_for()


def test_a_browser_is_told_to_fetch_nothing_from_elsewhere(page: Any, address: str) -> None:
    assert page.request.get(address).headers['content-security-policy'] == app.POLICY
    # The browser obeys.
    page.evaluate("fetch('https://example.org').catch(() => { window.refused = true })")
    wait_until(page, 'window.refused === true')


def test_classes_have_one_or_more_sentences() -> None:
    found = app.read_classes('bored: heavy lids.\n\n calm : soft eyes. \nbored: a yawn: long.')
    assert found == (
        ['bored', 'calm'],
        {'bored': ['heavy lids.', 'a yawn: long.'], 'calm': ['soft eyes.']},
    )
    assert app.read_classes(' \n') is None
    with pytest.raises(ValueError, match='at least two classes'):
        app.read_classes('bored: heavy lids.')


def test_old_uploads_and_results_are_removed(tmp_path: Path) -> None:
    for name, age in (('old', 100.0), ('new', 10.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'a.mp4').write_bytes(b'1')
        changed = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (changed, changed))
    app.remove_old(tmp_path, 60)
    assert [path.name for path in tmp_path.iterdir()] == ['new']
