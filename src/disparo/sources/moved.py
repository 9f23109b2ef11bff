"""Asks a source what became of an invoice that its customer's list does not have any more."""

from __future__ import annotations

from collections.abc import Sequence

from disparo.db.customers import InvoiceRow
from disparo.sources.base import RegisterSource, SourceRefused


async def find_moved(source: RegisterSource, customer_id: int, invoice_id: int) -> Sequence[InvoiceRow]:
    """Look an invoice up that this customer's list lacks; empty where it is gone, or nobody can tell.

    One that comes without `checked_at` may be inactive, and not say so: only a customer's own list, which has
    none of those, tells that it is not. Raises SourceDown.
    """
    try:
        found = await source.fetch_invoice(invoice_id)
    except SourceRefused:  # it has no such search
        return ()
    if not found or "checked_at" in found[0]:
        return found
    owner_id, due_date = found[0]["customer_id"], found[0]["due_date"]
    if owner_id == customer_id:
        return ()
    page = await source.fetch_invoices(owner_id, [due_date])
    return [row for row in page.invoices if row["id"] == invoice_id]
