"""Uncertain and held messages on the command line: what was not done is said, and ends with 1."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tests.support import rows
from tests.support.locks import until_somebody_waits

from disparo.cli.messages import give_as_sent, list_held, list_uncertain
from disparo.db import messages, unsettled
from disparo.dispatch import reconcile

pytestmark = pytest.mark.anyio

SETTLING = [
    ("incertas", "dar-como-enviada"),
    ("incertas", "reenviar", "--sim"),
    ("retidas", "liberar"),
]


@pytest.fixture
async def ids(connection):
    """An uncertain message, a held one, and one that waits."""
    ids = await rows.add_messages(connection, 3)
    await connection.execute("UPDATE messages SET status = 'uncertain' WHERE id = $1", ids[0])
    await connection.execute("UPDATE messages SET status = 'held' WHERE id = $1", ids[1])
    return ids


@pytest.mark.parametrize("arguments", SETTLING)
async def test_what_does_nothing_ends_with_1_and_names_the_messages(command, connection, ids, arguments):
    state = arguments[0].removesuffix("s")
    status, said = command(*arguments, ids[2])
    assert (status, f"A mensagem {ids[2]} não estava {state}. Nada foi alterado." in said) == (1, True), said
    status, said = command(*arguments, *range(1000, 1020))
    assert (status, "1007, 1008, 1009 e mais 10 não estavam" in said) == (1, True), said
    assert await rows.statuses(connection, ids) == ["uncertain", "held", "queued"]
    assert await connection.fetchval("SELECT count(*) FROM audit_log") == 0


async def test_what_has_just_been_refused_is_not_waited_for(command, connection):
    """Only what is uncertain, or is being sent, may still be confirmed."""
    ids = await rows.add_messages(connection, 3)
    for number, status in zip(ids, ("failed", "uncertain", "sending"), strict=True):
        await connection.execute(
            """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id) VALUES ($1, 'p', $3) RETURNING id)
               UPDATE messages SET status = $2, attempt_id = (SELECT id FROM a) WHERE id = $1""",
            number,
            status,
            await rows.add_worker(connection),
        )
    assert f"A mensagem {ids[0]} não estava incerta." in command("incertas", "reenviar", "--sim", ids[0])[1]
    for number in ids[1:]:
        assert "há menos de 10 minutos" in command("incertas", "reenviar", "--sim", number)[1]


@pytest.mark.parametrize("arguments", SETTLING)
async def test_of_several_those_left_alone_are_named(command, ids, arguments):
    settled = ids[arguments[0] == "retidas"]
    status, said = command(*arguments, settled, ids[2])
    assert (status, said.startswith("1 mensagem(ns)")) == (0, True), said
    assert f"A mensagem {ids[2]} não estava" in said
    assert str(settled) not in said.partition(".")[2]


async def test_a_filter_that_finds_nothing_asks_nothing(command, ids):
    status, said = command("incertas", "reenviar", "--plataforma", "nenhuma")
    assert (status, "Nenhuma mensagem está incerta com esse filtro" in said) == (1, True), said


@pytest.mark.parametrize("since", ["2026-07-01 08:30", "2026-07-01T08:30", "01/07/2026 08:30", "01/07/2026"])
async def test_a_moment_is_written_as_the_help_shows_it(command, connection, ids, since):
    await connection.execute(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                      VALUES ($1, 'p', $2, '2026-07-01 09:00-03') RETURNING id)
           UPDATE messages SET platform = 'p', attempt_id = (SELECT id FROM a) WHERE id = $1""",
        ids[0],
        await rows.add_worker(connection),
    )
    for until, found in (("01/07/2026 09:01", 1), ("2026-07-01 08:59", 0)):
        status, said = command("incertas", "listar", "--de", since, "--ate", until)
        assert (status, f"{found} mensagem(ns) incerta(s)." in said) == (0, True), said


@pytest.mark.parametrize("what", [("listar",), ("reenviar", "--sim"), ("dar-como-enviada",)])
async def test_a_period_that_ends_before_it_begins_is_refused(command, ids, what):
    status, said = command("incertas", *what, "--de", "2026-07-02", "--ate", "2026-07-01")
    assert (status, said) == (1, "Erro: O período está vazio: --de tem de vir antes de --ate.\n")


async def test_of_more_than_are_settled_at_once_it_is_said_that_there_are_more(
    dsn, connection, monkeypatch, capsys
):
    worker = await rows.add_worker(connection)
    for number in await rows.add_messages(connection, 5):
        await connection.execute(
            """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id) VALUES ($1, 'p', $2) RETURNING id)
               UPDATE messages SET status = 'uncertain', platform = 'p', attempt_id = (SELECT id FROM a)
               WHERE id = $1""",
            number,
            worker,
        )
    monkeypatch.setattr("disparo.cli.messages._AT_ONCE", 3)
    monkeypatch.setenv("DISPARO_DATABASE_URL", dsn)
    for work, first, then in (
        (
            list_uncertain,
            "3 mensagem(ns) incerta(s). Há outras, mais novas.",
            "3 mensagem(ns) incerta(s). Há",
        ),
        (
            give_as_sent,
            "3 mensagem(ns) dada(s) como enviada(s). Há outras",
            "2 mensagem(ns) dada(s) como enviada(s).\n",
        ),
    ):
        for said in (first, then):
            await asyncio.to_thread(work, plataforma="p")
            assert said in capsys.readouterr().out


async def test_of_more_held_than_are_listed_it_is_said_that_there_are_more(
    dsn, connection, monkeypatch, capsys
):
    ids = await rows.add_messages(connection, 5)
    await connection.execute("UPDATE messages SET status = 'held', reason = 'restored'")
    monkeypatch.setattr("disparo.cli.messages._AT_ONCE", 3)
    monkeypatch.setenv("DISPARO_DATABASE_URL", dsn)
    await asyncio.to_thread(list_held)
    assert "\n3 mensagem(ns) retida(s). Há outras, mais novas.\n" in capsys.readouterr().out
    await connection.execute("UPDATE messages SET status = 'cancelled' WHERE id = ANY($1::bigint[])", ids[3:])
    await asyncio.to_thread(list_held)
    assert capsys.readouterr().out.endswith("\n3 mensagem(ns) retida(s).\n")


async def test_a_program_needs_a_name(command, connection):
    status, said = command("cliente-api", "criar", " ")
    assert (status, said) == (1, "Erro: O nome do cliente de API está vazio.\n")
    assert await connection.fetchval("SELECT count(*) FROM api_clients") == 0


async def test_a_token_that_is_none_is_not_revoked(command):
    status, said = command("token", "revogar", "00000000-0000-0000-0000-000000000000")
    assert (status, "não está em uso. Nada foi alterado." in said) == (1, True), said
    assert command("token", "revogar", "--todos")[0] == 0


async def test_of_a_paused_run_it_is_said_that_nothing_goes_yet(command, connection, ids):
    run = await connection.fetchval("SELECT dispatch_id FROM messages WHERE id = $1", ids[0])
    await connection.execute(
        """INSERT INTO bulk_runs (dispatch_id, actor, not_before, carved_at, state)
           VALUES ($1, 'test', now(), now(), 'paused')""",
        run,
    )
    for arguments in (("retidas", "liberar", ids[1]), ("incertas", "reenviar", "--sim", ids[0])):
        status, said = command(*arguments)
        assert (status, f"\n  disparo execucao retomar {run}\n" in said) == (0, True), said


async def test_what_a_restore_held_waits_again_some_at_a_time(command, dsn, connection):
    """All at once, the receipts of a million of them waited for minutes, and whatever came with those."""
    ids = await rows.add_messages(connection, reconcile.RESUMED_AT_ONCE + 1)
    async with connection.transaction():
        await unsettled.hold_waiting(connection, reason="restored")
    other = await asyncpg.connect(dsn)
    try:
        async with other.transaction():
            await messages.lock(other, ids[-1:])
            resuming = asyncio.create_task(asyncio.to_thread(command, "retomar"))
            await until_somebody_waits(connection)
            assert await rows.statuses(connection, [ids[0], ids[-1]]) == ["queued", "held"]
        assert await resuming == (0, f"{len(ids)} mensagem(ns) de volta à fila.\n")
    finally:
        await other.close()
