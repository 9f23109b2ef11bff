"""How many connections the database still has for us."""

from __future__ import annotations

import asyncpg

from disparo.db.pool import Connection

#: What a server process and a worker hold from their start to their end.
OF_A_SERVER, OF_A_WORKER = 13, 19


async def tightest(connection: Connection) -> asyncpg.Record:
    """Give the limit that leaves least, `used` of `allowed`: the server's, the database's or the role's.

    Of others' sessions a role without rights sees that they are there; the server's own have no database.
    """
    row = await connection.fetchrow(
        """WITH used AS (
               SELECT count(*) AS of_server,
                      count(*) FILTER (WHERE datname = current_database()) AS of_database,
                      count(*) FILTER (WHERE usename = current_user) AS of_role
               FROM pg_stat_activity
               WHERE datid IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend')
           SELECT used, allowed FROM (
               SELECT of_server AS used, current_setting('max_connections')::int
                      - current_setting('superuser_reserved_connections')::int
                      - coalesce(current_setting('reserved_connections', true), '0')::int AS allowed FROM used
               UNION ALL
               SELECT of_database, datconnlimit FROM used, pg_database
               WHERE datname = current_database() AND datconnlimit >= 0
               UNION ALL
               SELECT of_role, rolconnlimit FROM used, pg_roles
               WHERE rolname = current_user AND rolconnlimit >= 0
           ) limits ORDER BY allowed - used LIMIT 1"""
    )
    assert row is not None  # noqa: S101 - for the type checker: the server always has a limit
    return row
