"""Invoices of customers who are active, or are not: whose customers are read for it."""

from __future__ import annotations

from datetime import date

import pytest
from tests.support import rows

from disparo.db import invoice_lookups
from disparo.db.invoice_lookups import InvoiceFilter

pytestmark = pytest.mark.anyio

PERIOD = InvoiceFilter(first=date(2001, 1, 1), last=date(2999, 1, 1))


async def test_invoices_of_those_active_are_counted_without_reading_each_customer(ours, connection):
    await rows.add_invoices(connection, 4000)
    await connection.execute("UPDATE customers SET active = false WHERE id % 1000 = 7")
    await connection.execute("ANALYZE")
    for active in (True, False):
        expected = [id_ for id_ in range(1, 4001) if (id_ % 1000 != 7) is active]
        async with ours.transaction():
            before = await customers_read(ours)
            found, total = await invoice_lookups.page_invoices(
                ours, wanted=PERIOD, customer_ids=None, active=active, page=0, per_page=2
            )
            read = await customers_read(ours) - before
        assert ([row["invoice_id"] for row in found], total) == (expected[:2], len(expected))
        assert read < 100


async def customers_read(connection):
    return await connection.fetchval(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'customers'"
    )
