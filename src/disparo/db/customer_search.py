"""Customers as a person at the panel names them, and the invoices of each."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from disparo.db.pool import Connection

_MOST_INVOICES = 500


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
