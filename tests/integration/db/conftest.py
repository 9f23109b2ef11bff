"""Data folders of private PostgreSQLs: most of a first start is making the cluster, half a second of CPU."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.own_database import data_folder

from disparo.db import postgres_binaries
from disparo.db.embedded import running


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that is not there yet: for what a first start does."""
    with data_folder() as made:
        yield made


@pytest.fixture(scope="module")
def _once_used() -> Iterator[Path]:
    with data_folder() as made:
        with running(made):
            pass
        yield made


@pytest.fixture
def used(_once_used: Path) -> Iterator[Path]:
    """One whose server has run before, and ended."""
    with data_folder(like=_once_used) as made:
        yield made


@pytest.fixture
def closed_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The programs where root alone reaches them."""
    wheel = postgres_binaries._wheel_folder()
    home = Path(tempfile.mkdtemp(prefix="home-"))  # 0700
    for folder in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        shutil.copytree(folder, home / folder.name, symlinks=True, copy_function=_link_or_copy)
    monkeypatch.setattr(postgres_binaries, "_wheel_folder", lambda: home / wheel.name)
    monkeypatch.setattr(postgres_binaries, "_system_places", list)
    yield home
    shutil.rmtree(home)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)
