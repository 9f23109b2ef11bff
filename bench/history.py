"""What stands in the tables before a bench begins: a register, and messages of long ago."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import asyncpg

_AT_ONCE = 100_000


async def add_register(connection: asyncpg.Connection, count: int, *, first: int = 1, due: date) -> None:
    """One customer with one mobile phone for each invoice; half of them with a landline too."""
    for start in range(first, first + count, _AT_ONCE):
        last = min(start + _AT_ONCE, first + count) - 1
        await connection.execute(
            """INSERT INTO customers (id, name, uf, phone_1, phone_2)
               SELECT i, 'CLIENTE ' || i, (ARRAY['SP', 'MG', 'PR', 'BA'])[1 + i % 4],
                      '119' || lpad(i::text, 8, '0'), CASE WHEN i % 2 = 0 THEN '1133334444' END
               FROM generate_series($1::bigint, $2::bigint) i""",
            start,
            last,
        )
        await connection.execute(
            """INSERT INTO invoices (id, customer_id, amount, due_date, link)
               SELECT i, i, 99.90, $3, 'https://faturas.example.com/f/' || i
               FROM generate_series($1::bigint, $2::bigint) i""",
            start,
            last,
            due,
        )
    await connection.execute("VACUUM ANALYZE customers, invoices")


async def add_history(connection: asyncpg.Connection, count: int) -> None:
    """Delivered messages of last month, ten a dispatch, with attempts, receipts and an event each."""
    indexes = await _drop_indexes(connection)
    for start in range(1, count + 1, _AT_ONCE):
        size = min(_AT_ONCE, count + 1 - start)
        await connection.execute(_MESSAGES, start, size, uuid4())
        await connection.execute(_RECEIPTS, start, size)
    await connection.execute("SET maintenance_work_mem = '256MB'")
    for made in indexes:
        await connection.execute(made)
    await connection.execute("RESET maintenance_work_mem")
    await connection.execute(f"VACUUM ANALYZE {', '.join(_FILLED)}, message_events")


_FILLED = ("messages", "attempts", "dispatches", "receipts", "platform_messages")
_MESSAGES = """
WITH d AS (
    INSERT INTO dispatches (id, queue, purpose, tries, timeout_s, invoice_ids, starts_at, created_at)
    SELECT gen_random_uuid(), 'sms', 'requested', 1, 172800, ARRAY[i::bigint],
           now() - interval '30 days', now() - interval '30 days'
    FROM generate_series(1, $2::int / 10 + 1) i RETURNING id, invoice_ids[1] AS nth
), old AS (
    SELECT i, now() - interval '30 days' AS at, '21' || (900000000 + i) AS phone, d.id AS dispatch_id
    FROM generate_series($1::int, $1::int + $2::int - 1) i
    JOIN d ON d.nth = (i - $1::int) / 10 + 1
), m AS (
    INSERT INTO messages (dispatch_id, invoice_id, customer_id, origin, name, phone, e164, reference, status,
                          actor, created_at, changed_at, due_at, wait_since, chunk_id, attempt_id, tries,
                          platform, platform_id, segments, text)
    SELECT dispatch_id, 500000000 + i, 500000000 + i, 'customer', 'CLIENTE', phone, '+55' || phone,
           replace(gen_random_uuid()::text, '-', ''), 'delivered', 'receipt', at, at, at, at, i,
           nextval('attempts_id_seq'), 1, 'parada', 'velha-' || i, 1, 'texto de um mes atras'
    FROM old
    RETURNING id, attempt_id
)
INSERT INTO attempts (id, message_id, platform, worker_id, started_at, finished_at, outcome)
SELECT attempt_id, id, 'parada', $3, now() - interval '30 days', now() - interval '30 days', 'accepted' FROM m
"""
_RECEIPTS = """
WITH named AS (
    INSERT INTO platform_messages (platform, platform_id, attempt_id, created_at)
    SELECT 'parada', 'velha-' || i, i, now() - interval '30 days'
    FROM generate_series($1::int, $1::int + $2::int - 1) i
)
INSERT INTO receipts (platform, digest, platform_id, kind, received_at, raw, applied_at, attempt_id, result)
SELECT 'parada', sha256(int4send(i)), 'velha-' || i, 'delivered', now() - interval '30 days',
       'POST ?' || chr(10) || '{"id":"velha-' || i || '","status":"delivered"}', now() - interval '30 days',
       i, 'moved'
FROM generate_series($1::int, $1::int + $2::int - 1) i
"""


async def _drop_indexes(connection: asyncpg.Connection) -> list[str]:
    """Drop what is not a primary key's, and give the statements that make it again: as by a restore."""
    rows = await connection.fetch(
        """SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS made FROM pg_index
           WHERE indrelid::regclass::text = ANY($1) AND NOT indisprimary""",
        list(_FILLED),
    )
    for row in rows:
        await connection.execute(f"DROP INDEX {row['name']}")
    return [row["made"] for row in rows]
