"""Customers as a person at the panel names them, and the invoices of each."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from disparo.db.pool import Connection
from disparo.db.register import SHORTEST_PART, TRIGRAMS, contains

_MOST_INVOICES = 500
#: So many contacts are looked through before the index is asked.
_NEAR = 5000
_EACH_WORD = "search_fold(name) LIKE ALL (ARRAY(SELECT search_fold(part) FROM unnest($1::text[]) AS part))"


async def by_ids(connection: Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
    """Read id, what people call them by, name, document and fields of phones of customers."""
    return await connection.fetch(
        """SELECT id, shown_code, name, cpf_cnpj, phone_1, phone_2, phone_3 FROM customers
           WHERE id = ANY($1::bigint[]) ORDER BY active DESC, name, id""",
        ids,
    )


async def contacts_by_tail(connection: Connection, tail: int, *, limit: int) -> list[asyncpg.Record]:
    """Read customer_id and phone of contacts whose field holds a phone with these last eight digits."""
    return await connection.fetch(
        """SELECT customer_id, phone FROM contacts
           WHERE search_phones(phone) @> ARRAY[-1 - $1::integer] ORDER BY customer_id, id LIMIT $2""",
        tail,
        limit,
    )


async def called(connection: Connection, name: str, *, limit: int) -> list[int]:
    """Give the ids of customers of this whole name, without accents and case, the active ones first."""
    rows = await connection.fetch(
        """SELECT id FROM customers WHERE name_folded COLLATE "C" = (SELECT search_fold($1))
           ORDER BY active DESC, id LIMIT $2""",
        name,
        limit,
    )
    return [row["id"] for row in rows]


async def contacts_called(connection: Connection, name: str, *, limit: int) -> list[asyncpg.Record]:
    """Read customer_id, name of contacts of this whole name, without accents and case."""
    return await connection.fetch(
        """SELECT customer_id, name FROM contacts
           WHERE search_fold(name) COLLATE "C" = (SELECT search_fold($1)) ORDER BY id LIMIT $2""",
        name,
        limit,
    )


async def contacts_by_name(connection: Connection, name: str, *, limit: int) -> list[asyncpg.Record]:
    """Read customer_id, name of contacts with each word anywhere in the name.

    A word of fewer letters than an index knows is looked for beside a longer one; alone it finds none.
    """
    words = name.split()
    long_words = [word for word in words if len(word) >= SHORTEST_PART]
    if not long_words:
        return []
    patterns = [contains(word) for word in words]
    # A common name is found at once among the first ones, and only a rarer one through its trigrams.
    found = await connection.fetch(
        f"""WITH near AS MATERIALIZED (SELECT id, customer_id, name FROM contacts ORDER BY id LIMIT {_NEAR})
            SELECT customer_id, name FROM near WHERE {_EACH_WORD} ORDER BY id LIMIT $2""",  # noqa: S608 - words of our own
        patterns,
        limit,
    )
    if len(found) == limit:
        return found
    return await connection.fetch(
        f"""WITH found AS MATERIALIZED (
                SELECT id, customer_id, name FROM contacts
                WHERE {_EACH_WORD} AND search_trigrams(search_fold(name)) @> (
                    SELECT array_agg(t) FROM unnest($3::text[]) AS word,
                           unnest(search_rarest(search_fold(word), {TRIGRAMS})) AS t))
            SELECT customer_id, name FROM found ORDER BY id LIMIT $2""",  # noqa: S608 - words of our own
        patterns,
        limit,
        long_words,
    )


async def invoices_of(connection: Connection, customer_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Read the newest invoices of customers: id, customer_id, amount, due_date, status."""
    return await connection.fetch(
        """WITH theirs AS MATERIALIZED (  -- else the newest of all customers are looked through
               SELECT id, customer_id, amount, due_date, status FROM invoices
               WHERE customer_id = ANY($1::bigint[]))
           SELECT * FROM theirs ORDER BY id DESC LIMIT $2""",
        customer_ids,
        _MOST_INVOICES,
    )


async def invoice(connection: Connection, invoice_id: int) -> asyncpg.Record | None:
    """Read an invoice: id, customer_id, its customer's name, amount, due_date, status."""
    return await connection.fetchrow(
        """SELECT i.id, i.customer_id, c.name, i.amount, i.due_date, i.status
           FROM invoices i JOIN customers c ON c.id = i.customer_id WHERE i.id = $1""",
        invoice_id,
    )
