"""A real browser, without a window."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def open_browser(*options: str) -> Iterator[Any]:
    """Chromium as the system has it; without one the test is skipped."""
    path = shutil.which('chromium') or shutil.which('google-chrome')
    if path is None:
        pytest.skip('no Chromium is installed')
    from playwright.sync_api import sync_playwright

    # A container has no sandbox and little shared memory.
    flags = ['--no-sandbox', '--disable-dev-shm-usage', *options]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def watch(page: Any) -> list[str]:
    """A list that grows with each error of a page and each address that it asks for."""
    seen: list[str] = []
    page.on('console', lambda said: seen.append(said.text) if said.type == 'error' else None)
    page.on('pageerror', lambda error: seen.append(str(error)))
    page.on('request', lambda request: seen.append(request.url))
    return seen


def wait_until(page: Any, expression: str, seconds: float = 120) -> None:
    """Wait until an expression is true, also where a page forbids `eval`."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f'not within {seconds} seconds: {expression}'
        page.wait_for_timeout(30)
