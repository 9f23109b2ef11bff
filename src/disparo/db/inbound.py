"""Texts that customers sent to us."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from disparo.db.pool import Connection, sql
from disparo.domain.outcome import InboundText

#: A text without an id of its own is the same one again within so many seconds of the first. Digests tell
#: stretches of that length apart, and one that is there already is looked for in those beside it too.
_SAME_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Said:
    """A text with what was made of it; `e164` is None where its sender is no phone, or not named."""

    platform: str
    text: InboundText
    e164: str | None
    asks_to_stop: bool
    raw: str


async def store(connection: Connection, said: Sequence[Said]) -> list[str]:
    """Store texts, and opt phones out whose owners ask for no more; gives the platform of each new text."""
    if not said:
        return []
    stretch = int(time.time()) // _SAME_WITHIN_S
    rows = await connection.fetch(
        sql("store_inbound"),
        [item.platform for item in said],
        [_digest(item.text, stretch) for item in said],
        [item.text.platform_id for item in said],
        [item.text.sender for item in said],
        [item.e164 for item in said],
        [item.text.about_id for item in said],
        [item.text.about_reference for item in said],
        [item.text.text for item in said],
        [item.asks_to_stop for item in said],
        [item.raw for item in said],
        [_digest(item.text, stretch - 1) for item in said],
        [_digest(item.text, stretch + 1) for item in said],  # of a server whose clock is ahead
        _SAME_WITHIN_S,
    )
    return [row["platform"] for row in rows]


async def page(connection: Connection, *, before: int | None, limit: int) -> list[asyncpg.Record]:
    """List texts with ids below `before`, the newest first; one more than `limit` where there are.

    Each with the message of ours that it answers, where that is there still.
    """
    return await connection.fetch(
        """SELECT t.id, t.sender, t.e164, t.text, t.opted_out, t.received_at, t.message_id,
                  m.name, m.invoice_id,
                  EXISTS (SELECT FROM opt_outs o WHERE o.e164 = t.e164) AS is_opted_out
           FROM inbound_texts t LEFT JOIN messages m ON m.id = t.message_id
           WHERE t.id < $1 ORDER BY t.id DESC LIMIT $2""",
        before or 2**63 - 1,
        limit + 1,
    )


def _digest(text: InboundText, stretch: int) -> bytes:
    when = 0 if text.platform_id else stretch
    said = (text.platform_id, text.sender, text.text, text.about_id, text.about_reference, when)
    return hashlib.sha256(repr(said).encode()).digest()
