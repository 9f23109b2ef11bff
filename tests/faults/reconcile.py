"""The reconciliation: every message of every 200, against our table and the platform's own log."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import asyncpg

_TOKEN = re.compile(r"\bT[0-9a-f]{16}\b")
HANDED_OVER = ("accepted", "sent", "delivered", "undelivered")


@dataclass(frozen=True)
class Verdict:
    accepted: int
    by_status: dict[str, int]
    received: int
    duplicates: int
    lost: list[str]
    waiting: int
    contradictions: list[str]
    matches: bool

    @property
    def uncertain(self) -> int:
        return self.by_status.get("uncertain", 0)


def received_messages(log: Path) -> Counter[tuple[str, str]]:
    """Count what the platform took, by number and by the token in the text."""
    taken: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry.get("taken", True) and "to" in entry:
            taken[entry["to"], _TOKEN.findall(entry["text"])[0]] += 1
    return taken


async def reconcile(
    connection: asyncpg.Connection, accepted: dict[str, tuple[int, list[str]]], log: Path
) -> Verdict:
    taken = received_messages(log)
    rows = await connection.fetch(
        """SELECT m.dispatch_id::text AS dispatch_id, m.phone, m.e164, m.status,
                  'T' || substr(md5('ensaio' || m.invoice_id), 1, 16) AS token FROM messages m"""
    )
    ours = {(row["dispatch_id"], row["phone"]): row for row in rows}
    lost, contradictions = [], []
    for dispatch_id, (_, phones) in accepted.items():
        for phone in phones:
            row = ours.get((dispatch_id, phone))
            if row is None:
                lost.append(f"{dispatch_id}: not in the table")
                continue
            there = taken[row["e164"], row["token"]]
            if row["status"] in HANDED_OVER and not there:
                lost.append(f"{dispatch_id}: {row['status']}, but the platform never had it")
            if row["status"] in ("failed", "skipped", "cancelled") and there:
                contradictions.append(f"{dispatch_id}: {row['status']}, but the platform has it")
    status = Counter(row["status"] for row in rows)
    handed = sum(status[name] for name in HANDED_OVER)
    return Verdict(
        accepted=sum(len(phones) for _, phones in accepted.values()),
        by_status=dict(status),
        received=sum(taken.values()),
        duplicates=sum(count - 1 for count in taken.values()),
        lost=lost,
        waiting=sum(status[name] for name in ("queued", "claimed", "sending")),
        contradictions=contradictions,
        # What the platform took is what we say it took, plus at most what we say we do not know.
        matches=handed <= sum(taken.values()) <= handed + status["uncertain"],
    )
