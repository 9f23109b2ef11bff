"""The audit log is read by pages that find what is asked for wherever it lies, and look at little else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from disparo.db import accounts, audit

pytestmark = pytest.mark.anyio

LINES = 100_000
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
#: Besides a page's own 51: where the period begins and ends, give or take a minute on both sides.
MOST_READ = 60
ANYTHING = {"user_id": None, "action": None, "since": None, "until": None, "before": None, "limit": 50}


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
    ({"user_id": 1, "action": "text_viewed"}, [4]),
    ({"user_id": 3}, []),
    ({"action": "nothing"}, []),
    ({"until": FIRST_DAY + timedelta(minutes=4)}, [3, 2, 1]),
    ({"since": FIRST_DAY + timedelta(minutes=LINES - 1)}, [LINES, LINES - 1]),
    ({"since": FIRST_DAY + timedelta(days=9999)}, []),
    ({"user_id": 2, "since": FIRST_DAY, "until": FIRST_DAY + timedelta(minutes=4)}, [3, 1]),
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


async def test_what_a_person_did_through_the_api_is_theirs_too(connection):
    await connection.execute(
        "INSERT INTO api_clients (id, name, secret_sha256) OVERRIDING SYSTEM VALUE VALUES (7, 'a', ''), (8, 'b', '')"
    )
    for actor in ("user:1", "client:7/user:1", "client:8/user:1", "client:7/user:2", "user:11", "cli:ana"):
        await accounts.audit(connection, actor=actor, action="signed_in")
    found = await audit.page(connection, **{**ANYTHING, "user_id": 1})
    assert [row["actor"] for row in found] == ["client:8/user:1", "client:7/user:1", "user:1"]
    assert len(await audit.page(connection, **{**ANYTHING, "user_id": 1, "limit": 1})) == 2


async def test_what_began_before_and_was_written_after_another_hides_nothing(connection):
    await connection.execute(
        "INSERT INTO audit_log (at, actor, action) VALUES (now(), 'user:2', 'signed_in')"
    )
    await connection.execute(
        "INSERT INTO audit_log (at, actor, action) VALUES (now() - interval '3 s', 'user:1', 'signed_in')"
    )
    since = datetime.now(UTC) - timedelta(minutes=5)
    found = await audit.page(connection, **{**ANYTHING, "since": since})
    assert [row["actor"] for row in found] == ["user:1", "user:2"]
