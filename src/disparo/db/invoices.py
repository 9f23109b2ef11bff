"""Invoices and the register beside them, as accepting needs them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.recipients import Contact, Register


class InvoiceFacts(NamedTuple):
    """One invoice and whom it may be sent to."""

    invoice_id: int
    status: str
    paid_at: date | None
    due_date: date
    amount: Decimal
    register: Register


async def read_facts(connection: Connection, invoice_ids: Iterable[int]) -> dict[int, InvoiceFacts]:
    """Read invoices by id; one that is not there is left out."""
    rows = await connection.fetch(sql("accept_facts"), sorted(set(invoice_ids)))
    return {
        row["invoice_id"]: InvoiceFacts(
            row["invoice_id"],
            row["status"],
            row["paid_at"],
            row["due_date"],
            row["amount"],
            Register(
                row["customer_id"],
                row["name"],
                row["uf"],
                (
                    (row["phone_1"], row["phone_1_allowed"]),
                    (row["phone_2"], row["phone_2_allowed"]),
                    (row["phone_3"], row["phone_3_allowed"]),
                ),
                [Contact(*contact) for contact in json.loads(row["contacts"])] if row["contacts"] else (),
            ),
        )
        for row in rows
    }


async def read_texts(connection: Connection, invoice_ids: Sequence[int]) -> list[asyncpg.Record]:
    """Read what the texts of invoices speak of, with the invoice's id and the customer's name."""
    return await connection.fetch(
        """SELECT i.id, c.name AS customer_name, i.amount, i.due_date, i.link, i.linha_digitavel, i.pix
           FROM invoices i JOIN customers c ON c.id = i.customer_id
           WHERE i.id = ANY($1::bigint[]) ORDER BY i.id""",
        invoice_ids,
    )


async def newest(connection: Connection) -> int | None:
    """Give the newest open invoice, else the newest: one to show a text on."""
    found: int | None = await connection.fetchval(
        """SELECT id FROM (SELECT id, status FROM invoices ORDER BY id DESC LIMIT 100) i
           ORDER BY status = 'open' DESC, id DESC LIMIT 1"""
    )
    return found
