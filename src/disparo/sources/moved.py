"""Asks a source what became of an invoice that its customer's list does not have any more."""

from __future__ import annotations

from dataclasses import replace

from disparo.sources.base import Page, RegisterSource, SourceRefused

NOWHERE = Page(is_last=True)


async def find_moved(source: RegisterSource, customer_id: int, invoice_id: int) -> Page:
    """Look an invoice up that this customer's list lacks; NOWHERE where it is gone, or nobody can tell.

    One that comes without `checked_at` may be inactive, and not say so: only a customer's own list, which has
    none of those, tells that it is not. With it come the phones of whose it is now. Raises SourceDown.
    """
    try:
        found = await source.fetch_invoice(invoice_id)
    except SourceRefused:  # it has no such search
        return NOWHERE
    if not found.invoices or "checked_at" in found.invoices[0]:
        return found
    owner_id, due_date = found.invoices[0]["customer_id"], found.invoices[0]["due_date"]
    if owner_id == customer_id:
        return NOWHERE
    page = await source.fetch_invoices(owner_id, [due_date])
    return replace(page, invoices=[row for row in page.invoices if row["id"] == invoice_id])
