"""The frequency caps: how many notices and collections a phone gets in a day and in seven.

What the customer asked for (`requested`) goes outside of them, and so does what a person sends again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from disparo.db import phone_turns
from disparo.db.phone_turns import Caps
from disparo.db.pool import Pool
from disparo.dispatch.rules import Rules
from disparo.domain.windows import Purpose


async def one_too_many(pool: Pool, rows: Sequence[Mapping[str, Any]], rules: Rules) -> set[int]:
    """Give the ids of those messages that their phones' caps leave out; the others have taken their turns.

    `rows` are of `claimed_facts.sql`, about to be given to lanes. One that does not start after all keeps
    its turn for itself alone.
    """
    if not (rules.max_per_phone_day or rules.max_per_phone_week):
        return set()
    capped = [
        (row["id"], row["e164"]) for row in rows if row["purpose"] != Purpose.REQUESTED and not row["tries"]
    ]
    if not capped:
        return set()
    caps = _caps(rows[0]["now"], rules)
    async with pool.acquire() as connection, connection.transaction():
        granted = await phone_turns.take(connection, capped, caps)
    return {id_ for id_, _ in capped} - granted


def _caps(now: datetime, rules: Rules) -> Caps:
    """Give the caps; a day begins at the installation's midnight, and seven are today and six before."""
    today = now.astimezone(rules.zone).date()
    midnight, earlier = (
        datetime.combine(day, time(), tzinfo=rules.zone) for day in (today, today - timedelta(days=6))
    )
    return Caps(rules.max_per_phone_day or None, midnight, rules.max_per_phone_week or None, earlier)
