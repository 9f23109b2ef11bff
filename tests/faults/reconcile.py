"""The reconciliation: every message of every 200, against our table and the platforms' own logs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

_TOKEN = re.compile(r"\bT[0-9a-f]{16}\b")
HANDED_OVER = ("accepted", "sent", "delivered", "undelivered")
WAITING = ("queued", "claimed", "sending")


@dataclass
class Verdict:
    """`fates`: of the messages of the 200s, which add up to `accepted` unless some are missing."""

    accepted: int
    fates: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    received: int = 0
    duplicates: int = 0
    without_200: int = 0
    lost: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """The identity of docs/delivery.md §9.3."""
        return sum(self.fates.values()) == self.accepted


def received_messages(logs: Iterable[Path]) -> Counter[tuple[str, str]]:
    """Count what the platforms took, all together, by number and by the token in the text."""
    taken: Counter[tuple[str, str]] = Counter()
    for log in logs:
        for line in log.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry.get("taken", False):
                taken[entry["to"], _TOKEN.findall(entry["text"])[0]] += 1
    return taken


def _fate(row: asyncpg.Record) -> str:
    if row["status"] in HANDED_OVER:
        return "sent"
    if row["status"] in WAITING:
        return "waiting"
    if row["status"] == "failed":
        return "timed_out" if row["reason"] == "timeout" else "refused"
    return str(row["status"])


async def reconcile(
    connection: asyncpg.Connection, accepted: Mapping[str, Sequence[str]], *logs: Path
) -> Verdict:
    taken = received_messages(logs)
    rows = await connection.fetch(
        """SELECT m.dispatch_id::text AS dispatch_id, m.phone, m.e164, m.status, m.reason,
                  'T' || substr(md5('ensaio' || m.invoice_id), 1, 16) AS token FROM messages m"""
    )
    verdict = Verdict(sum(map(len, accepted.values())))
    ours = {(row["dispatch_id"], row["phone"]): row for row in rows}
    for dispatch_id, phones in accepted.items():
        for phone in phones:
            row = ours.get((dispatch_id, phone))
            if row is None:
                verdict.lost.append(f"{dispatch_id}: answered 200 and not in the table")
            else:
                verdict.fates[_fate(row)] += 1
    for row in rows:
        _compare(row, taken[row["e164"], row["token"]], verdict)
    verdict.by_status = Counter(row["status"] for row in rows)
    verdict.received = sum(taken.values())
    verdict.duplicates = sum(count - 1 for count in taken.values())
    verdict.without_200 = sum(row["dispatch_id"] not in accepted for row in rows)
    strange = set(taken) - {(row["e164"], row["token"]) for row in rows}
    verdict.contradictions += [f"the platform took what we do not know: {len(strange)}"] if strange else []
    return verdict


def _compare(row: asyncpg.Record, there: int, verdict: Verdict) -> None:
    """Hold what we say of one message against how often the platform took it."""
    said = f"{row['dispatch_id']}: {row['status']} ({row['reason']})"
    if row["status"] in HANDED_OVER and not there:
        verdict.lost.append(f"{said}, but the platform never had it")
    if row["status"] not in (*HANDED_OVER, "uncertain", "sending") and there:
        verdict.contradictions.append(f"{said}, but the platform has it")
