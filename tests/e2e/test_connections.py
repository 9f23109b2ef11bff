"""How many connections a server and a worker hold is what the doctor says, before one too many is wanted."""

from __future__ import annotations

import asyncio

import pytest

from disparo.cli.examine import database
from disparo.cli.examine.finding import Grade
from disparo.db import connections

_OPEN = """SELECT count(*) FILTER (WHERE application_name IN ('disparo-server', 'disparo-listener')) AS server,
                  count(*) FILTER (WHERE application_name ~ 'worker|beat|record|receipts|bulk|queue') AS worker
           FROM pg_stat_activity WHERE datname = current_database()"""


def sessions(house):
    return house.value(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND backend_type = 'client backend'"
    )


def finding(house):
    found = asyncio.run(database.examine_database(house.stage.dsn))
    return next(each for each in found if each.subject == "conexões")


def test_a_server_and_a_worker_open_what_is_said_of_them(house):
    said = (connections.OF_A_SERVER, connections.OF_A_WORKER)

    def are_open():  # the last of them once the first are at work
        (row,) = house.fetch(_OPEN)
        return (row["server"], row["worker"]) == said

    house.until(are_open)


def test_there_is_room_for_another(house):
    found = finding(house)
    assert found.grade is Grade.OK
    assert "um servidor abre 13 e um worker 19" in found.text


@pytest.mark.parametrize("free", [18, 19])
def test_a_limit_that_leaves_none_for_another_worker_is_said_before_one_is_started(house, free):
    name = house.value("SELECT current_database()::text")
    used = connections.OF_A_SERVER + connections.OF_A_WORKER + 1  # the one that asks
    # One that was closed a moment ago may still be there.
    house.until(lambda: sessions(house) == used)
    house.fetch(f'ALTER DATABASE "{name}" CONNECTION LIMIT {used + free}')
    try:
        found = finding(house)
    finally:
        house.fetch(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
    assert found.text.startswith(f"{used} de {used + free} em uso")
    assert found.grade is (Grade.NOTE if free < 19 else Grade.OK)
