"""Invoices and the register beside them, as accepting needs them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.recipients import Contact, Register


@dataclass(frozen=True, slots=True)
class InvoiceFacts:
    """One invoice and whom it may be sent to."""

    invoice_id: int
    status: str
    paid_at: date | None
    register: Register


async def read_facts(connection: Connection, invoice_ids: Iterable[int]) -> dict[int, InvoiceFacts]:
    """Read invoices by id; one that is not there is left out."""
    rows = await connection.fetch(sql("accept_facts"), sorted(set(invoice_ids)))
    return {
        row["invoice_id"]: InvoiceFacts(
            row["invoice_id"],
            row["status"],
            row["paid_at"],
            Register(
                row["customer_id"],
                row["name"],
                row["uf"],
                [(row[f"phone_{n}"], row[f"phone_{n}_allowed"]) for n in (1, 2, 3)],
                [Contact(*contact) for contact in json.loads(row["contacts"] or "[]")],
            ),
        )
        for row in rows
    }


async def read_text_facts(connection: Connection, invoice_id: int) -> asyncpg.Record | None:
    """Read what the text of an invoice speaks of."""
    return await connection.fetchrow(
        "SELECT amount, due_date, link, linha_digitavel, pix FROM invoices WHERE id = $1", invoice_id
    )
