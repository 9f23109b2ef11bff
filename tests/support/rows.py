"""Rows to begin a test with, written straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from disparo.db import messages
from disparo.db.messages import Recorded
from disparo.domain.message import Event


async def add_invoices(
    connection: asyncpg.Connection, count: int = 1, *, first_id: int = 1, ddd: int = 11
) -> list[int]:
    """One customer each, with one permitted mobile phone."""
    ids = list(range(first_id, first_id + count))
    await connection.execute(
        """INSERT INTO customers (id, name, uf, phone_1)
           SELECT id, 'CLIENTE ' || id, 'SP', $2 || '9' || lpad(id::text, 8, '0') FROM unnest($1::bigint[]) AS t (id)
           ON CONFLICT DO NOTHING""",
        ids,
        str(ddd),
    )
    await connection.execute(
        """INSERT INTO invoices (id, customer_id, amount, due_date, link)
           SELECT id, id, 99.90, current_date + 5, 'https://faturas.example.com/' || id
           FROM unnest($1::bigint[]) AS t (id) ON CONFLICT DO NOTHING""",
        ids,
    )
    return ids


async def add_messages(
    connection: asyncpg.Connection,
    count: int = 1,
    *,
    chunk_id: int | None = None,
    due_in_s: float = 0,
    timeout_s: int = 172_800,
    tries: int = 1,
    first_id: int = 1,
    kind: str = "single",
    ddd: int = 11,
) -> list[int]:
    """`count` waiting messages of one dispatch, one invoice and one register phone each, in one chunk."""
    invoices = await add_invoices(connection, count, first_id=first_id, ddd=ddd)
    dispatch_id = uuid4()
    chunk_id = chunk_id or await connection.fetchval("SELECT nextval('chunks_id_seq')")
    await connection.execute(
        """INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, starts_at)
           VALUES ($1, $5, 'sms', 'requested', $2, $3, $4, now())""",
        dispatch_id,
        tries,
        timeout_s,
        invoices,
        kind,
    )
    rows = await connection.fetch(
        """INSERT INTO messages (dispatch_id, invoice_id, customer_id, origin, name, phone, e164, reference, actor,
                                 due_at, wait_since, chunk_id)
           SELECT $1, id, id, 'customer', 'CLIENTE ' || id, $5 || '9' || lpad(id::text, 8, '0'),
                  '+55' || $5 || '9' || lpad(id::text, 8, '0'), replace(gen_random_uuid()::text, '-', ''), 'test',
                  now() + make_interval(secs => $3), now() + make_interval(secs => $3), $4
           FROM unnest($2::bigint[]) AS t (id) RETURNING id""",
        dispatch_id,
        invoices,
        due_in_s,
        chunk_id,
        str(ddd),
    )
    return sorted(row["id"] for row in rows)


async def chunk_of(connection: asyncpg.Connection, message_id: int) -> int:
    return await connection.fetchval("SELECT chunk_id FROM messages WHERE id = $1", message_id)


async def statuses(connection: asyncpg.Connection, ids: Sequence[int]) -> list[str]:
    rows = await connection.fetch("SELECT status FROM messages WHERE id = ANY($1::bigint[]) ORDER BY id", ids)
    return [row["status"] for row in rows]


async def add_worker(connection: asyncpg.Connection) -> UUID:
    worker_id = uuid4()
    await connection.execute("INSERT INTO workers (id, host, pid) VALUES ($1, 'test', 1)", worker_id)
    return worker_id


async def look_in_vain(connection: asyncpg.Connection, message_id: int, reason: str) -> None:
    """Claim a message and put it back, as a worker does that has nowhere to send it."""
    token = uuid4()
    await connection.execute(
        "UPDATE messages SET status = 'claimed', claim_token = $2, worker_id = $3, actor = 'worker' WHERE id = $1",
        message_id,
        token,
        await add_worker(connection),
    )
    chunk_id = await messages.next_chunk(connection)
    waits = [(message_id, datetime.now(UTC) + timedelta(days=1), reason)]
    await messages.put_back(connection, waits, token=token, chunk_id=chunk_id)


def outcome(message_id: int, attempt_id: int, kind: str = "accepted", **changes: Any) -> Recorded:
    base = Recorded(
        platform="p",
        attempt_id=attempt_id,
        message_id=message_id,
        outcome=kind,
        event=Event(f"outcome_{kind}"),
        platform_id=None,
        code=None,
        detail=None,
        failure=None,
        latency_ms=1,
        segments=1,
        retry_s=5.0,
    )
    return base._replace(**changes)


async def refuse(connection: asyncpg.Connection, table: str, row: str) -> None:
    """Have the database refuse what is written to a table where `row`, a condition on `new`, holds."""
    await connection.execute(
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF {row} THEN RAISE check_violation; END IF;
                RETURN new;
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"""
    )


async def starts_with_records(connection: asyncpg.Connection) -> int:
    """Count the transactions that recorded outcomes and started what took their places (docs/decisions/0004).

    By the events of each, whatever its rows were since.
    """
    return await connection.fetchval(
        """SELECT count(*) FROM (
               SELECT FROM message_events GROUP BY xmin::text
               HAVING bool_or(to_status = 'accepted') AND bool_or(to_status = 'sending')) both_in_one"""
    )
