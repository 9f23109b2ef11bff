"""The phones of the register in E.164, read once: bulk runs join them instead of parsing a million fields.

A trigger empties the columns when phones change; whoever finds them empty fills them first.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from disparo.db.pool import Connection
from disparo.domain.recipients import Candidates, Contact, Register, list_candidates

#: Read in 8 ms: hand-overs whose moment has come wait no longer.
_SLICE = 500


async def fill_slice(connection: Connection) -> int:
    """Read the phones of some customers and contacts not read yet, in the caller's transaction.

    0: none is left that nobody else holds. Who is being written is not waited for: an import locks in the
    order of its file, and the two would wait for each other.
    """
    customers = await connection.fetch(
        """SELECT id, phone_1, phone_1_allowed, phone_2, phone_2_allowed, phone_3, phone_3_allowed
           FROM customers WHERE sms_numbers IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED""",
        _SLICE,
    )
    await _store(connection, "customers", [(row["id"], _of_customer(row)) for row in customers])
    contacts = await connection.fetch(
        """SELECT id, phone, sms_allowed FROM contacts WHERE sms_numbers IS NULL
           ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED""",
        _SLICE,
    )
    await _store(connection, "contacts", [(row["id"], _of_contact(row)) for row in contacts])
    return len(customers) + len(contacts)


def _of_customer(row: asyncpg.Record) -> Candidates:
    phones = [(row[f"phone_{n}"], row[f"phone_{n}_allowed"]) for n in (1, 2, 3)]
    return list_candidates(Register(row["id"], "", None, phones), [])


def _of_contact(row: asyncpg.Record) -> Candidates:
    contact = Contact(row["id"], "", row["phone"], row["sms_allowed"])
    return list_candidates(Register(0, "", None, [], [contact]), [])


async def _store(connection: Connection, table: str, found: Sequence[tuple[int, Candidates]]) -> None:
    if not found:
        return
    await connection.execute(
        f"""UPDATE {table} t
            SET sms_numbers = string_to_array(r.numbers, ','), no_sms = string_to_array(r.others, ',')
            FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (id, numbers, others)
            WHERE t.id = r.id AND t.id = ANY($1)""",  # noqa: S608 - one of two names of our own
        [id_ for id_, _ in found],
        [",".join(one.phone.national for one in each.recipients) for _, each in found],
        [",".join(f"{one.reason}:{one.phone}" for one in each.ignored) for _, each in found],
    )
