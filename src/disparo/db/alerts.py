"""Alerts: what people must be told of, once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import asyncpg

from disparo.db.pool import Connection

#: Whoever took an alert to tell of it and died is not waited for longer.
_LEASE_S = 120.0
#: Of a platform that is not used while it fails; its detail is the reason.
PLATFORM_OPEN = "platform_open"
#: Of a platform's credit; its detail is what is left.
CREDIT_LOW = "credit_low"
#: Of a platform that takes messages and says in its receipts that there is no credit.
CREDIT_GONE = "credit_gone"
#: Of a platform that is not well when asked; its detail is a reason, or what it said.
PLATFORM_UNREACHABLE = "platform_unreachable"
#: Of a platform that takes messages and confirms none.
RECEIPTS_STOPPED = "receipts_stopped"
#: Of messages that are due, none of which goes; its detail is since when.
DISPATCH_STUCK = "dispatch_stuck"
#: Of a live source that answers nothing when asked again before sending; its subject is the source.
SOURCE_DOWN = "source_down"
#: Of a sync that ended before its end; its subject is the source.
SYNC_FAILED = "sync_failed"
#: The detail of an alert that ended because nobody looks any more.
UNWATCHED = "unwatched"
#: Of a bulk run, a part of which the database takes from nobody; its subject is the dispatch.
RUN_REFUSED = "run_refused"
#: Of the disk of the private database; its detail is the room that is left.
DISK_LOW = "disk_low"
#: Of a platform whose receipt said "delivered" of what had ended otherwise; its detail is the last message.
CONTRADICTED = "receipt_contradicts"
#: Of the certificate that a server serves with; its subject is whose it is, its detail until when, and where.
CERTIFICATE_ENDS = "certificate_ends"
#: Of its files, changed and of no use, so that the old one stays; its detail is why, and where.
CERTIFICATE_REFUSED = "certificate_refused"
#: Of a machine whose changed settings are wrong, so that the old ones stay; its detail is where.
SETTINGS_REFUSED = "settings_refused"
#: Of a machine whose clock is not the platforms'; its detail is by how much, and whose tells it.
CLOCK_OFF = "clock_off"
#: Of a machine whose settings have no platform any more; its detail is the one that was used last.
NO_PLATFORM = "no_platform"
#: Of the last backup; its detail is when that was.
BACKUP_OLD = "backup_old"
#: Half a platform's calls may fail all night, and it be left alone and taken again every ten seconds; or one
#: of two workers not reach what the other one does. People are told that it works again when it has for so
#: many seconds, and of what fails again within them, nothing. Platforms are asked every five minutes.
_SETTLED_S: Mapping[str, float] = {
    PLATFORM_OPEN: 120.0,
    PLATFORM_UNREACHABLE: 900.0,
    SOURCE_DOWN: 900.0,
    SYNC_FAILED: 900.0,
}


async def raise_(connection: Connection, kind: str, subject: str, *, detail: str | None = None) -> bool:
    """Begin an alert; False where it goes on already, or ended a moment ago and nobody was told so yet."""
    if kind in _SETTLED_S and await _go_on(connection, kind, subject, detail=detail):
        return False
    begun = await connection.fetchval(
        """INSERT INTO alerts (kind, subject, detail) VALUES ($1, $2, $3)
           ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING RETURNING true""",
        kind,
        subject,
        detail,
    )
    return begun is True


async def _go_on(connection: Connection, kind: str, subject: str, *, detail: str | None) -> bool:
    going_on = await connection.fetchval(
        """UPDATE alerts SET cleared_at = NULL, detail = $3
           WHERE id = (SELECT id FROM alerts WHERE kind = $1 AND subject = $2 ORDER BY id DESC LIMIT 1)
             AND told_over IS NULL AND detail IS DISTINCT FROM $4
             AND cleared_at BETWEEN now() - make_interval(secs => $5::float8) AND now()
           RETURNING true""",
        kind,
        subject,
        detail,
        UNWATCHED,
        _SETTLED_S[kind],
    )
    return going_on is True


async def raise_or_renew(connection: Connection, kind: str, subject: str, *, detail: str) -> None:
    """Begin an alert, or renew the detail of one that goes on.

    Nobody is waited for: whoever holds the row is renewing it too.
    """
    if not await raise_(connection, kind, subject, detail=detail):
        await connection.execute(
            """UPDATE alerts SET detail = $3
               WHERE id = (SELECT id FROM alerts WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL
                           FOR UPDATE SKIP LOCKED)""",
            kind,
            subject,
            detail,
        )


async def see(connection: Connection, kind: str, subject: str, *, detail: str) -> None:
    """Begin or renew an alert that only this process can see.

    It says so again and again; the alert is over when it has not for a while, be the fault mended or the
    machine gone.
    """
    await connection.execute(
        """INSERT INTO alerts (kind, subject, detail, seen_at) VALUES ($1, $2, $3, now())
           ON CONFLICT (kind, subject) WHERE cleared_at IS NULL
           DO UPDATE SET detail = excluded.detail, seen_at = excluded.seen_at""",
        kind,
        subject,
        detail,
    )


async def clear(connection: Connection, kind: str, subject: str) -> None:
    """End an alert."""
    await connection.execute(
        "UPDATE alerts SET cleared_at = now() WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL",
        kind,
        subject,
    )


async def stop_watching(connection: Connection, kind: str, subject: str) -> None:
    """Mark alerts whose end nobody will see, since by the settings nothing looks for it any more."""
    await connection.execute(
        """UPDATE alerts SET cleared_at = now(), detail = $3
           WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL""",
        kind,
        subject,
        UNWATCHED,
    )


async def settle(
    connection: Connection, kind: str, found: Mapping[str, str | None], *, seen: Sequence[str]
) -> None:
    """Make `found`, detail by subject, the live alerts of a kind; only subjects in `seen` are ended."""
    for subject in sorted(seen):
        if subject in found:
            await raise_(connection, kind, subject, detail=found[subject])
        else:
            await clear(connection, kind, subject)


async def live(connection: Connection) -> list[asyncpg.Record]:
    """List the alerts that go on, oldest first."""
    return await connection.fetch(
        """SELECT kind, subject, detail, raised_at, seen_at, cleared_at,
                  extract(epoch FROM now() - raised_at)::float8 AS age_s
           FROM alerts WHERE cleared_at IS NULL ORDER BY id"""
    )


async def take_untold(connection: Connection, *, limit: int = 20) -> list[asyncpg.Record]:
    """Take the alerts that nobody was told of, in order; if the caller dies, another one takes them.

    What was over a day ago before anybody could be told is no news: there may be a year of it when the first
    to be told are named. Nor is the end of what has begun again since, where that is news: told late, as one
    whose telling failed is put off for a lease, it would be the last word of what goes on. One that is taken
    for longer than twice a lease was so by a clock that was set back; and one of a time to come is over, too.
    """
    return await connection.fetch(
        """WITH taken AS (
               UPDATE alerts SET taken_until = now() + make_interval(secs => $2::float8)
               WHERE id IN (
                   SELECT id FROM alerts a
                   WHERE (told_at IS NULL OR (cleared_at IS NOT NULL AND told_over IS NULL))
                     AND (kind <> ALL($3::text[]) OR cleared_at IS NULL OR detail = $4
                          OR cleared_at NOT BETWEEN now() - make_interval(secs =>
                             ($5::float8[])[array_position($3::text[], kind)]) AND now())
                     AND (told_at IS NOT NULL OR cleared_at IS NULL OR cleared_at > now() - interval '1 day')
                     AND (cleared_at IS NULL OR NOT EXISTS (
                              SELECT FROM alerts b
                              WHERE b.id > a.id AND (b.kind, b.subject) = (a.kind, a.subject)
                              AND (b.told_at IS NOT NULL OR b.cleared_at IS NULL
                                   OR b.cleared_at > now() - interval '1 day')))
                     AND (taken_until IS NULL OR taken_until < now()
                          OR taken_until > now() + make_interval(secs => 2 * $2::float8))
                   ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
               RETURNING id, kind, subject, detail, raised_at, cleared_at, told_at)
           SELECT * FROM taken ORDER BY id  -- the update gives them as they lie in the table""",
        limit,
        _LEASE_S,
        list(_SETTLED_S),
        UNWATCHED,
        list(_SETTLED_S.values()),
    )


async def mark_told(connection: Connection, alert_id: int, *, begun: bool, over: bool) -> None:
    """Note that people were told of an alert's beginning, its end, or both."""
    await connection.execute(
        """UPDATE alerts SET taken_until = NULL, told_at = CASE WHEN $2 THEN now() ELSE told_at END,
                  told_over = CASE WHEN $3 THEN now() ELSE told_over END
           WHERE id = $1""",
        alert_id,
        begun,
        over,
    )
