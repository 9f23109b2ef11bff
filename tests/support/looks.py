"""When a worker looked at messages: what it puts off is put off from there, however long it takes to write that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import pytest

from disparo.db import messages


def noted(monkeypatch: pytest.MonkeyPatch) -> dict[int, datetime]:
    """Give what is filled with the moment, by the database's clock, of the last look at each message."""
    at: dict[int, datetime] = {}
    look = messages.claimed_facts

    async def noting(connection: asyncpg.Connection, ids: Sequence[int]) -> list[asyncpg.Record]:
        found = await look(connection, ids)
        at.update((row["id"], row["now"]) for row in found)
        return found

    monkeypatch.setattr(messages, "claimed_facts", noting)
    return at
