"""Tables that have grown so much that plans made before read them whole.

A statement that is kept is planned once, and anew when PostgreSQL has looked its tables over. Of a table that
was nearly empty by then a plan reads all for each message: that costs nothing, until a run is queued.
"""

from __future__ import annotations

from disparo.db.pool import Connection

#: Pages that any plan may read, and how many times as large a table is that has grown.
_FEW, _TIMES = 64, 4
_WATCHED = (
    *("messages", "attempts", "receipts", "dispatches", "message_events", "platform_messages"),
    *("dispatch_counts", "bulk_chunks", "invoices", "customers", "contacts"),
)


async def find_grown(connection: Connection) -> list[str]:
    """Give the tables that have grown much since they were last vacuumed or looked over."""
    rows = await connection.fetch(
        """SELECT c.relname FROM pg_class c
           WHERE c.oid = ANY(ARRAY(SELECT name::regclass FROM unnest($1::text[]) AS t (name)))
             AND pg_relation_size(c.oid) / current_setting('block_size')::int > $2 + $3 * c.relpages
           ORDER BY 1""",
        list(_WATCHED),
        _FEW,
        _TIMES,
    )
    return [row["relname"] for row in rows]


async def look_over(connection: Connection, tables: list[str]) -> None:
    """Have PostgreSQL look tables over, by which every session plans anew; outside a transaction."""
    await connection.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")
