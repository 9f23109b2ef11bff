"""One browser for each module that needs one: it takes a second of CPU to start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from tests.support.house import House

# How long what never comes is waited for: five seconds are little for a server among the other tests'.
expect.set_options(timeout=30_000)

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=pt-BR",
]


@pytest.fixture(scope="module")
def chromium(house: House) -> Iterator[Browser]:
    """It ends before the house does, whose end needs a loop where the browser's driver keeps one."""
    # The same engine without the window's own pages costs half the CPU.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        pytest.skip("precisa do chromium (sudo apt install chromium-headless-shell)")  # and ./dev warns
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield chromium
        chromium.close()
