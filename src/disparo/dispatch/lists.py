"""A dispatch for a list of invoices that a person gave: looked at first, stored once."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from disparo import queue
from disparo.db import dispatch_lists, dispatches, invoices, opt_outs
from disparo.db.dispatch_lists import ListedMessage
from disparo.db.invoices import InvoiceFacts
from disparo.db.pool import Connection
from disparo.dispatch.accept import AcceptSettings, Reason
from disparo.domain.recipients import Candidates, drop, list_candidates
from disparo.domain.windows import Purpose, next_allowed

MOST_INVOICES = 5000
_CHUNK = 500


@dataclass(slots=True)
class Plan:
    """Who would get which invoice; `refused` and `ignored` count what is left out, by reason."""

    reached: dict[int, Candidates] = field(default_factory=dict)
    facts: Mapping[int, InvoiceFacts] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

    @property
    def messages(self) -> int:
        """How many SMS it comes to."""
        return sum(len(found.recipients) for found in self.reached.values())


async def plan(connection: Connection, invoice_ids: Sequence[int], settings: AcceptSettings) -> Plan:
    """Look at a list without changing anything."""
    facts = await invoices.read_facts(connection, invoice_ids)
    found = Plan(facts=facts)
    candidates = {id_: list_candidates(item.register, []) for id_, item in facts.items()}
    numbers = {one.phone.e164 for item in candidates.values() for one in item.recipients}
    opted_out = await opt_outs.among(connection, numbers)
    for invoice_id in dict.fromkeys(invoice_ids):
        reason = _refusal(facts.get(invoice_id), settings)
        if reason is not None:
            found.refused[reason] += 1
            continue
        left = drop(candidates[invoice_id], opted_out=opted_out)
        found.ignored.update(str(item.reason) for item in left.ignored)
        if left.recipients:
            found.reached[invoice_id] = left
        else:
            found.refused[Reason.NOBODY] += 1
    return found


async def create(
    connection: Connection,
    dispatch_id: UUID,
    planned: Plan,
    settings: AcceptSettings,
    *,
    purpose: Purpose,
    user_id: int,
) -> bool:
    """Store a plan in the caller's transaction; False where this dispatch is stored already."""
    now: datetime = await connection.fetchval("SELECT now()")
    starts = {
        invoice_id: _starts_at(planned.facts[invoice_id], now, purpose, settings)
        for invoice_id in planned.reached
    }
    ignored = [[one.phone, str(one.reason)] for left in planned.reached.values() for one in left.ignored]
    stored = await dispatch_lists.insert_dispatch(
        connection,
        dispatch_id,
        invoice_ids=list(planned.reached),
        purpose=str(purpose),
        user_id=user_id,
        starts_at=min(starts.values()),
        ignored=ignored,
        stored_as=settings.stored_as,
    )
    if not stored:
        return False
    messages = [
        ListedMessage(invoice_id, recipient, secrets.token_hex(16), starts[invoice_id])
        for invoice_id, left in planned.reached.items()
        for recipient in left.recipients
    ]
    messages.sort(key=lambda message: message.due_at)
    for first in range(0, len(messages), _CHUNK):
        part = messages[first : first + _CHUNK]
        (fresh,) = await dispatches.take_chunks(connection, 1)
        chunk_id = fresh if len(planned.reached) == 1 else -fresh  # single calls never queue behind a list
        await dispatch_lists.insert_messages(
            connection, dispatch_id, part, chunk_id=chunk_id, actor=f"user:{user_id}"
        )
        delay_s = max(0.0, (part[0].due_at - now).total_seconds())
        await queue.enqueue(connection, [queue.WakeUp(chunk_id, delay_s)])
    return True


def _refusal(facts: InvoiceFacts | None, settings: AcceptSettings) -> Reason | None:
    if facts is None:
        return Reason.INVOICE_UNKNOWN
    if facts.status == "paid" and not settings.allow_paid:
        return Reason.INVOICE_PAID
    return Reason.INVOICE_CANCELLED if facts.status == "cancelled" else None


def _starts_at(facts: InvoiceFacts, now: datetime, purpose: Purpose, settings: AcceptSettings) -> datetime:
    return next_allowed(
        now + timedelta(seconds=settings.delay_s),
        purpose,
        ufs=(facts.register.uf,) if facts.register.uf else (),
        zone=settings.zone,
        is_holiday=settings.is_holiday,
    )
