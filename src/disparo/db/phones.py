"""What platforms told us of single numbers."""

from __future__ import annotations

from disparo.db.pool import Connection
from disparo.domain.outcome import FailureClass


async def mark(connection: Connection, e164: str, *, failure: str, platform: str, code: str | None) -> None:
    """Note a number that a platform calls wrong, or suppress one whose owner opted out there."""
    if failure == FailureClass.OPT_OUT:
        await connection.execute(
            """INSERT INTO opt_outs (e164, reason, actor, platform)
               VALUES ($1, 'platform', 'platform:' || $2, $2) ON CONFLICT DO NOTHING""",
            e164,
            platform,
        )
        return
    await connection.execute(
        """INSERT INTO bad_numbers (e164, platform, code) VALUES ($1, $2, $3)
           ON CONFLICT (e164) DO UPDATE
           SET platform = excluded.platform, code = excluded.code, created_at = now()""",
        e164,
        platform,
        code,
    )
