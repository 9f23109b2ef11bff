"""One customer's personal data, erased at their request (LGPD, art. 18 VI), and who must not come back.

What proves a sending stays: number, dates, outcome, and the text's hash. So do opt-outs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from disparo.db.customers import wait_for_writers
from disparo.db.personal_data import numbers_of
from disparo.db.pool import Connection, affected

#: What was left as it stands in each of them names the customer, or says what was written to them.
_EMPTYING = (
    """UPDATE messages SET name = '', text = NULL,
              text_sha256 = coalesce(text_sha256, sha256(convert_to(text, 'UTF8')))
       WHERE id = ANY($1::bigint[])""",
    "UPDATE attempts SET detail = NULL WHERE message_id = ANY($1::bigint[]) AND detail IS NOT NULL",
    """UPDATE receipts SET raw = '' WHERE raw <> ''
       AND attempt_id = ANY(ARRAY(SELECT id FROM attempts WHERE message_id = ANY($1::bigint[])))""",
    """UPDATE dispatches SET ignored = '[]' WHERE kind = 'single'
       AND id = ANY(ARRAY(SELECT dispatch_id FROM messages WHERE id = ANY($1::bigint[])))""",
    # An opt-out's own words prove it.
    """UPDATE inbound_texts SET raw = '', text = CASE WHEN opted_out THEN text ELSE '' END
       WHERE message_id = ANY($1::bigint[])""",
)

#: The same of a reply that answers none of ours, or none that is still there; $1 are the customer's numbers.
_EMPTY_STRAY_REPLIES = """UPDATE inbound_texts t
    SET raw = '', text = CASE WHEN opted_out THEN text ELSE '' END,
        sender = CASE WHEN opted_out THEN sender END, e164 = CASE WHEN opted_out THEN e164 END
    WHERE e164 = ANY($1::text[]) AND NOT EXISTS (SELECT FROM messages m WHERE m.id = t.message_id)"""
#: Receipts that found no message prove no sending. $1 are patterns of the ends of the customer's numbers:
#: each platform writes the rest of them in its own way.
_EMPTY_STRAY_RECEIPTS = r"""UPDATE receipts SET raw = '' WHERE attempt_id IS NULL AND raw <> ''
    AND regexp_replace(raw, '\D', '', 'g') LIKE ANY($1::text[])"""
#: So many digits a number has without its country, its DDD and the nine of mobiles.
_END_DIGITS = 8

#: No statement of ours lives longer than that together; a backup, which reads for longer, stores nothing.
_LOOKS, _LOOK_EVERY_S = 350, 0.1


async def count_waiting(connection: Connection, customer_id: int) -> int:
    """Count the customer's messages that could still be sent. Reads all there are: a few times a year."""
    count: int = await connection.fetchval(
        """SELECT count(*) FROM messages WHERE customer_id = $1
           AND status IN ('queued', 'claimed', 'sending', 'held', 'uncertain')""",
        customer_id,
    )
    return count


async def erase(connection: Connection, customer_id: int) -> int | None:
    """Erase, and keep from coming back; gives of how many messages. None where nothing is known of them."""
    # Who looked before this is seen and waits for a row that goes would store the customer anew.
    await wait_for_writers(connection)
    ids = await connection.fetchval(
        "SELECT array_agg(id ORDER BY id) FROM messages WHERE customer_id = $1", customer_id
    )
    numbers = await numbers_of(connection, customer_id)
    deleted = await connection.execute("DELETE FROM customers WHERE id = $1", customer_id)
    if not ids and not affected(deleted):
        return None
    await _empty(connection, ids or [])
    await connection.execute(_EMPTY_STRAY_REPLIES, numbers)
    ends = sorted({f"%{number[-_END_DIGITS:]}%" for number in numbers})
    await connection.execute(_EMPTY_STRAY_RECEIPTS, ends)
    # Whose they are from now on is not known.
    await connection.execute("DELETE FROM bad_numbers WHERE e164 = ANY($1::text[])", numbers)
    await connection.execute(
        "INSERT INTO erased_customers (customer_id) VALUES ($1) ON CONFLICT DO NOTHING", customer_id
    )
    return len(ids or [])


async def empty_latecomers(connection: Connection, customer_id: int) -> None:
    """Empty what was being queued or confirmed of the customer meanwhile; after the erasure was committed.

    Who had read the register before stores the name that stood there, and who had read that nobody was
    erased the receipt as it came: whoever reads either now is waited for. So is what a worker had looked at
    for the last time before, and hands over with its text: of what it looks at from now on nothing goes.
    """
    before = await _readers(connection)
    for _ in range(_LOOKS):
        if not before & await _readers(connection):
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    ids = await connection.fetchval("SELECT array_agg(id) FROM messages WHERE customer_id = $1", customer_id)
    for _ in range(_LOOKS):
        if not await _is_any_in_hand(connection, ids or []):
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    await _empty(connection, ids or [])


async def _is_any_in_hand(connection: Connection, message_ids: Sequence[int]) -> bool:
    found: bool = await connection.fetchval(
        """SELECT EXISTS (SELECT FROM messages
                          WHERE id = ANY($1::bigint[]) AND status IN ('claimed', 'sending'))""",
        message_ids,
    )
    return found


async def _readers(connection: Connection) -> set[str]:
    """Give the transactions that have read customers, or who is erased, and have not ended."""
    rows = await connection.fetch(
        """SELECT virtualtransaction FROM pg_locks
           WHERE relation IN ('customers'::regclass, 'erased_customers'::regclass)
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND pid <> pg_backend_pid()"""
    )
    return {row["virtualtransaction"] for row in rows}


async def _empty(connection: Connection, message_ids: Sequence[int]) -> None:
    for statement in _EMPTYING:
        await connection.execute(statement, message_ids)


async def readmit(connection: Connection, customer_id: int) -> bool:
    """Let a customer be stored again; False where there was nothing against it."""
    done = await connection.execute("DELETE FROM erased_customers WHERE customer_id = $1", customer_id)
    return affected(done) == 1


async def among(connection: Connection, customer_ids: Iterable[int]) -> set[int]:
    """Tell which of these customers were erased."""
    rows = await connection.fetch(
        "SELECT customer_id FROM erased_customers WHERE customer_id = ANY($1::bigint[])",
        sorted(set(customer_ids)),
    )
    return {row["customer_id"] for row in rows}
