"""What a live source is: another program's register, asked over its API.

`fetch` methods talk to the source and touch no database; `sync.py` stores what they give, page by page, so
that a source is one file: its paging, its words, its errors (docs/adding-a-source.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from disparo.db.customers import CustomerRow, InvoiceRow, Told
from disparo.dispatch.freshness import SourceDown
from disparo.errors import DisparoError

__all__ = ["DUE", "PAID", "Page", "RegisterSource", "SourceDown", "SourceRefused", "Step"]


class SourceRefused(DisparoError):
    """The source answers with a refusal: wrong credentials, a route that it does not have."""


#: The kinds of those that list customers: by their services that are not cancelled, and by those that are.
LIVE, CANCELLED = "customers", "cancelled_customers"
#: The kind of a step that lists every invoice due in its period, whatever became of it.
DUE = "due"
#: The kind of one that lists what was paid in it: who looks for what is new needs none of it.
PAID = "paid"


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a sync with pages of its own: a kind of row, in a period."""

    kind: str
    first: date | None = None
    last: date | None = None

    def written(self) -> list[str | None]:
        """Give what is stored of it."""
        return [self.kind, *(None if day is None else day.isoformat() for day in (self.first, self.last))]

    @classmethod
    def read(cls, written: Sequence[str | None]) -> Step:
        """Give the step of which this was stored."""
        kind, *days = written
        return cls(kind or "", *(None if day is None else date.fromisoformat(day) for day in days))


@dataclass(frozen=True, slots=True)
class Page:
    """What one page holds; `left_out`: rows that could not be read. `is_last`: nothing follows.

    `ids`: of every row that it lists, read or not (below 0: it names none); `total`: how many rows the step
    has as the source counts them, None where it does not say. `told`: what invoices tell of their
    customers, by customer.
    """

    is_last: bool
    customers: Sequence[CustomerRow] = ()
    invoices: Sequence[InvoiceRow] = ()
    left_out: int = 0
    ids: Sequence[int] = ()
    total: int | None = None
    told: Mapping[int, Told] = field(default_factory=dict)


def joined(page: Page, strangers: Sequence[CustomerRow]) -> Page:
    """Give a page with the customers that were missing; of an id named twice the last counts."""
    customers = {row["id"]: row for row in [*page.customers, *strangers]}
    invoices = {row["id"]: row for row in page.invoices}
    return replace(page, customers=list(customers.values()), invoices=list(invoices.values()))


class RegisterSource(Protocol):
    """A register to be synced from. Every method raises SourceDown or SourceRefused, and nothing else."""

    name: str

    def full_steps(self, today: date) -> Sequence[Step]:
        """List the steps of a complete pass, customers before invoices."""
        ...

    def recent_steps(self, since: date, today: date) -> Sequence[Step]:
        """List the steps that bring what was made or paid since a day."""
        ...

    async def fetch_page(self, step: Step, page: int) -> Page:
        """Read one page of a step, counted from 0."""
        ...

    def fetch_customers(self, customer_ids: Sequence[int]) -> AsyncIterator[CustomerRow]:
        """Read single customers; one that is not there is left out."""
        ...

    async def fetch_invoices(self, customer_id: int, due_dates: Sequence[date]) -> Page:
        """Read a customer's invoices: all of those due on these days, and others where it is no effort.

        On one page, however many it took; only with nothing left out is one that it lacks gone.
        """
        ...

    async def fetch_invoice(self, invoice_id: int) -> Page:
        """Look one invoice up by its id; a page of none where there is none. SourceRefused: no such search.

        Without `checked_at` where it does not say whether the invoice is active.
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
