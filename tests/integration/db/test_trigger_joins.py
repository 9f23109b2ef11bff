"""A statement that changes many rows takes no longer for each of them than one that changes few."""

from __future__ import annotations

import pytest


@pytest.mark.anyio
async def test_no_trigger_compares_every_row_before_with_every_row_after(connection):
    """PostgreSQL keeps the plan of a connection's first change: a single row's, which is a nested loop."""
    functions = await connection.fetch(
        """SELECT proname, proconfig FROM pg_proc
           WHERE prorettype = 'trigger'::regtype AND prosrc ~ 'new_rows' AND prosrc ~ 'old_rows'
             AND prosrc ~ 'JOIN'"""
    )
    assert {row["proname"] for row in functions} >= {
        "messages_updated",
        "customers_counted",
        "invoices_counted",
    }
    assert {tuple(row["proconfig"] or ()) for row in functions} == {("enable_nestloop=off",)}
