"""That the disk of the private database fills up is told of while it can still be noted."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from disparo.cli import chores
from disparo.db import alerts
from disparo.wording.alert_words import say

pytestmark = pytest.mark.anyio
GB = 1_000_000_000


@pytest.fixture
def has_free(pool, tmp_path, monkeypatch):
    """Look with so much free, on a folder that a private database runs on, or none does."""

    async def look(free, *, ours=True):
        monkeypatch.setattr(chores, "is_held", lambda _folder: ours)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
        await chores.note_room(pool, tmp_path)

    return look


async def test_a_disk_that_is_nearly_full_is_told_of_once_and_so_is_its_end(has_free, connection):
    await has_free(5 * GB)
    assert await alerts.live(connection) == []
    await has_free(0.84 * GB)
    await has_free(0.5 * GB)
    (row,) = await alerts.take_untold(connection)
    assert "0,8 GB livres" in say(row)[1]
    await alerts.mark_told(connection, row["id"], begun=True, over=False)
    await has_free(1.1 * GB)  # not worth a word yet
    assert await alerts.take_untold(connection) == []
    await has_free(1.3 * GB)
    (row,) = await alerts.take_untold(connection)
    assert say(row) == ("Disparo: resolvido", "O disco do banco de dados tem espaço de novo")


async def test_ones_own_server_is_not_watched_any_more(has_free, connection):
    await has_free(0.5 * GB)
    await has_free(0.5 * GB, ours=False)
    assert await alerts.live(connection) == []
