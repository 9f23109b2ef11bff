"""A backup that used to be made and is made no more is told of; who makes theirs otherwise is left alone."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.program import command

from disparo.cli.chores import note_backup
from disparo.cli.examine.database import examine_database
from disparo.cli.examine.finding import Grade
from disparo.db import alerts
from disparo.settings import Settings
from disparo.wording.alert_words import say

DAYS = {days: Settings(backup_max_age_days=days) for days in (0, 2)}


@pytest.fixture
def copied(dsn, tmp_path):
    """Make a backup by the command, and let so many days go by."""

    async def work(connection, days):
        done = await asyncio.to_thread(
            command, "db", "backup", tmp_path / f"{days}.dump", env={"DISPARO_DATABASE_URL": dsn}
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        moved = await connection.execute(
            "UPDATE installation SET copied_at = copied_at - make_interval(days => $1)", days
        )
        assert moved == "UPDATE 1"

    return work


@pytest.fixture
async def started(connection):
    """As after a first start."""
    await connection.execute(
        "INSERT INTO installation (system_identifier, timeline, database_oid) VALUES (1, 1, 1)"
    )


async def finding(dsn):
    found = await examine_database(dsn, backup_within_days=2)
    return next(each for each in found if each.subject == "backup")


@pytest.mark.anyio
async def test_the_last_backup_was_days_ago(pool, connection, dsn, started, copied):
    await note_backup(pool, DAYS[2])
    assert await alerts.live(connection) == []  # never made: whoever has another way is left alone
    assert (await finding(dsn)).grade is Grade.NOTE
    await copied(connection, 1)
    await note_backup(pool, DAYS[2])
    assert await alerts.live(connection) == []
    assert (await finding(dsn)).grade is Grade.OK
    await connection.execute("UPDATE installation SET copied_at = copied_at - interval '25 hours'")
    for _ in range(2):
        await note_backup(pool, DAYS[2])
    (row,) = await alerts.take_untold(connection)
    assert "O último backup (disparo db backup) é de " in say(row)[1]
    old = await finding(dsn)
    assert (old.grade, old.text) == (Grade.NOTE, "o último tem 2 dias e 1 h")
    await alerts.mark_told(connection, row["id"], begun=True, over=False)
    await copied(connection, 0)
    await note_backup(pool, DAYS[2])
    (row,) = await alerts.take_untold(connection)
    assert say(row) == ("Disparo: resolvido", "Há de novo um backup recente")


@pytest.mark.anyio
async def test_who_wants_no_word_of_it_gets_none(pool, connection, started, copied):
    await copied(connection, 9)
    await note_backup(pool, DAYS[0])
    assert await alerts.live(connection) == []
    await note_backup(pool, DAYS[2])
    await note_backup(pool, DAYS[0])
    (row,) = await alerts.take_untold(connection)
    assert say(row)[0] == "Disparo: encerrado"


def test_a_backup_that_cannot_be_noted_is_one_all_the_same(dsn, tmp_path):
    file = tmp_path / "a.dump"
    read_only = f"{dsn}{'&' if '?' in dsn else '?'}default_transaction_read_only=on"
    done = command("db", "backup", file, env={"DISPARO_DATABASE_URL": read_only})
    assert (done.returncode, file.exists()) == (0, True), done.stderr
    assert "não pôde ser anotado" in done.stderr
