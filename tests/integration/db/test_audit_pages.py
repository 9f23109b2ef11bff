"""The audit log is read by pages that find what is asked for wherever it lies, and look at little else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from disparo.db import audit

pytestmark = pytest.mark.anyio

LINES = 100_000
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
#: Besides a page's own 51: where the period begins and ends, give or take a minute on both sides.
MOST_READ = 60
ANYTHING = {"actor": None, "action": None, "since": None, "until": None, "before": None, "limit": 50}


@pytest.fixture
async def many(connection):
    """A line a minute: three old ones that are rare, and each second one the first user's."""
    await connection.execute(
        """INSERT INTO audit_log (at, actor, action)
           SELECT $1::timestamptz + make_interval(mins => g::int), 'user:' || CASE WHEN g % 2 = 0 THEN 1 ELSE 2 END,
                  CASE WHEN g <= 3 THEN 'signing_key_changed' WHEN g = 4 OR g % 2 = 1 THEN 'text_viewed'
                       ELSE 'signed_in' END
           FROM generate_series(1, $2::int) g""",
        FIRST_DAY,
        LINES,
    )
    await connection.execute("VACUUM ANALYZE audit_log")


async def lines_read(connection):
    """How many this connection has looked at that are in no statistics yet: none go there in a transaction."""
    return await connection.fetchval(
        """SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
           WHERE relname = 'audit_log'"""
    )


CASES = [
    ({"action": "signing_key_changed"}, [3, 2, 1]),
    ({"actor": "user:1", "action": "text_viewed"}, [4]),
    ({"actor": "user:3"}, []),
    ({"action": "nothing"}, []),
    ({"until": FIRST_DAY + timedelta(minutes=4)}, [3, 2, 1]),
    ({"since": FIRST_DAY + timedelta(minutes=LINES - 1)}, [LINES, LINES - 1]),
    ({"since": FIRST_DAY + timedelta(days=9999)}, []),
    ({"actor": "user:2", "since": FIRST_DAY, "until": FIRST_DAY + timedelta(minutes=4)}, [3, 1]),
    ({"action": "text_viewed", "until": FIRST_DAY + timedelta(minutes=6)}, [5, 4]),
    ({"action": "text_viewed", "before": 6}, [5, 4]),
]


async def test_a_page_finds_what_lies_behind_many_lines_and_looks_at_few(many, connection):
    for _ in range(12):  # from the sixth time on a statement may have the plan of any parameters
        for wanted, ids in CASES:
            async with connection.transaction():
                before = await lines_read(connection)
                found = await audit.page(connection, **{**ANYTHING, **wanted})
                assert [row["id"] for row in found] == ids, wanted
                assert await lines_read(connection) - before <= MOST_READ, wanted
