"""Accepts calls: one transaction stores the dispatch, its messages, the queue entry and the kept answer.

Calls come as a batch, of one or of many, and take one way through, so that group commit gives the very same
answers (docs/delivery.md §6). The database is read and written by statements over the whole batch; what
each call gets is decided in between, in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from disparo import queue
from disparo.db import dispatches, extra_phones, idempotency, invoices
from disparo.db.dispatches import Earlier, NewDispatch, NewMessage
from disparo.db.idempotency import Key
from disparo.db.invoices import InvoiceFacts
from disparo.db.pool import Connection
from disparo.dispatch.calls import Accepted, AcceptSettings, Call, Done, InProgress, Reason, Refused, Verdict
from disparo.dispatch.rules import against_invoice, opens_at
from disparo.dispatch.slots import Slots
from disparo.domain.ids import new_id, new_reference
from disparo.domain.recipients import (
    Candidates,
    IgnoredReason,
    Origin,
    Recipient,
    drop,
    list_candidates,
)
from disparo.domain.windows import Purpose, place_of


@dataclass(frozen=True, slots=True)
class Stored:
    """A transaction's number and its dispatches, by which its fate is asked for after a lost COMMIT.

    `chunks`: by the time at which a chunk's queue entry is due, the chunk and how many messages of this
    batch it holds, as `slots.Slots.keep` takes them.
    """

    xid: int
    dispatch_ids: Sequence[UUID]
    at: datetime
    chunks: Mapping[datetime, tuple[int, int]]


@dataclass(slots=True)
class _World:
    """What the database said about a batch, and what the batch has used up of it so far."""

    now: datetime
    chunk_id: int
    facts: Mapping[int, InvoiceFacts]
    candidates: Mapping[int, Candidates]  # by the call's place in the batch
    opted_out: frozenset[str]
    recent: dict[tuple[int, str], Earlier]
    extra_used: dict[int, int] = field(default_factory=dict)


async def accept_batch(
    connection: Connection, calls: Sequence[Call], settings: AcceptSettings, slots: Slots
) -> tuple[list[Verdict], Stored | None]:
    """Decide and store calls in the caller's transaction; gives verdicts in order, and what was stored."""
    verdicts: dict[int, Verdict] = await _known(connection, calls)
    new = [place for place in range(len(calls)) if place not in verdicts]
    if not new:
        return [verdicts[place] for place in range(len(calls))], None
    world = await _look(connection, {place: calls[place] for place in new}, settings)
    stored: list[NewDispatch] = []
    kept: list[tuple[Key, bytes]] = []
    for place in new:
        call = calls[place]
        planned = _plan(place, call, world, settings)
        if isinstance(planned, Refused):
            verdicts[place] = planned
            continue
        if not planned.earlier:
            stored.append(_to_store(planned, call))
        response = call.render(planned)
        verdicts[place] = Done(response, planned.dispatch_id)
        if call.key is not None:
            kept.append((call.key, response))
    done = await _store(connection, stored, world, settings, slots) if stored else None
    if world.extra_used:
        await extra_phones.write_used(connection, world.extra_used, _day(world.now, settings))
    if kept:
        await idempotency.keep(connection, kept)
    return [verdicts[place] for place in range(len(calls))], done


async def _known(connection: Connection, calls: Sequence[Call]) -> dict[int, Verdict]:
    """Give the verdicts that idempotency keys decide: kept answers, keys in use, keys of another request."""
    keyed: dict[tuple[int, int, str, str], tuple[int, Key]] = {}
    verdicts: dict[int, Verdict] = {}
    for place, call in enumerate(calls):
        if call.key is None:
            continue
        if call.key.scope in keyed:
            verdicts[place] = InProgress()  # the same key twice in one batch: the first one runs
        else:
            keyed[call.key.scope] = (place, call.key)
    if not keyed:
        return verdicts
    keys = [key for _, key in keyed.values()]
    taken = await idempotency.lock(connection, keys)
    found = await idempotency.find(connection, keys)
    for (place, key), is_ours in zip(keyed.values(), taken, strict=True):
        kept = found.get(key.scope)
        if kept is not None and kept.digest != key.digest:
            verdicts[place] = Refused(Reason.KEY_REUSED, calls[place].invoice_id)
        elif kept is not None:
            verdicts[place] = Done(kept.response, None, replayed=True)
        elif not is_ours:
            verdicts[place] = InProgress()
    return verdicts


async def _look(connection: Connection, calls: Mapping[int, Call], settings: AcceptSettings) -> _World:
    facts = await invoices.read_facts(connection, [call.invoice_id for call in calls.values()])
    candidates = {
        place: list_candidates(facts[call.invoice_id].register, call.extra_phones)
        for place, call in calls.items()
        if call.invoice_id in facts
    }
    numbers = {recipient.phone.e164 for those in candidates.values() for recipient in those.recipients}
    wanted = [
        (calls[place].invoice_id, recipient.phone.e164, calls[place].caller.repeat_window_s)
        for place, those in candidates.items()
        if calls[place].caller.repeat_window_s
        for recipient in those.recipients
    ]
    recent = await dispatches.recent(connection, wanted) if wanted else {}
    found = await dispatches.look(connection, numbers)
    world = _World(found.now, found.chunk_id, facts, candidates, found.opted_out, recent)
    with_extra = [
        call.caller.client_id
        for call in calls.values()
        if call.extra_phones and call.caller.client_id is not None
    ]
    if with_extra:
        world.extra_used = await extra_phones.lock_used(connection, with_extra, _day(found.now, settings))
    return world


def _plan(place: int, call: Call, world: _World, settings: AcceptSettings) -> Accepted | Refused:
    facts = world.facts.get(call.invoice_id)
    refusal = _refusal_of_invoice(call, facts, settings)
    if facts is None or refusal is not None:
        return refusal or Refused(Reason.INVOICE_UNKNOWN, call.invoice_id)
    repeated = _repeated(place, call, world) if call.caller.repeat_window_s else {}
    found = drop(world.candidates[place], opted_out=world.opted_out, repeated={*repeated, *call.not_to})
    starts_at = _starts_at(call, facts, found.recipients, world.now, settings)
    if not found.recipients:
        earlier = next(iter(repeated.values()), None)
        again = [item for item in found.ignored if item.reason is IgnoredReason.REPEATED]
        if earlier is None or not again:
            return Refused(Reason.NOBODY, call.invoice_id)
        return Accepted(
            earlier, call.invoice_id, [], found.ignored, starts_at, settings.stored_as, earlier=True
        )
    if not settings.has_platform:
        return Refused(Reason.NO_PLATFORM, call.invoice_id)
    if not _within_cap(call, found, world):
        return Refused(Reason.EXTRA_CAP, call.invoice_id, limit=call.caller.extra_phones_per_day)
    accepted = Accepted(
        new_id(), call.invoice_id, found.recipients, found.ignored, starts_at, settings.stored_as
    )
    earlier_now = Earlier(accepted.dispatch_id, 0.0)
    for recipient in found.recipients:
        world.recent[call.invoice_id, recipient.phone.e164] = earlier_now
    return accepted


def _repeated(place: int, call: Call, world: _World) -> dict[str, UUID]:
    """Give who had this invoice within the call's own window, and by which dispatch."""
    return {
        recipient.phone.e164: last.dispatch_id
        for recipient in world.candidates[place].recipients
        if (last := world.recent.get((call.invoice_id, recipient.phone.e164))) is not None
        and last.age_s < call.caller.repeat_window_s  # the longest window of the batch is not each call's
    }


def _refusal_of_invoice(call: Call, facts: InvoiceFacts | None, settings: AcceptSettings) -> Refused | None:
    if facts is None:
        return Refused(Reason.INVOICE_UNKNOWN, call.invoice_id)
    why = against_invoice(
        facts.status, facts.amount, allow_paid=settings.allow_paid, allow_zero=settings.allow_zero
    )
    if why is None:
        return None
    paid_at = facts.paid_at if why == Reason.INVOICE_PAID else None
    return Refused(Reason(why), call.invoice_id, paid_at=paid_at)


def _within_cap(call: Call, found: Candidates, world: _World) -> bool:
    if not call.extra_phones or call.caller.client_id is None:
        return True
    extra = sum(recipient.origin is Origin.EXTRA for recipient in found.recipients)
    used = world.extra_used.get(call.caller.client_id, 0) + extra
    if used > call.caller.extra_phones_per_day:
        return False
    world.extra_used[call.caller.client_id] = used
    return True


def _starts_at(
    call: Call,
    facts: InvoiceFacts,
    recipients: Sequence[Recipient],
    now: datetime,
    settings: AcceptSettings,
) -> datetime:
    """Give when the first message may go; the last look (`rules.py`) puts off the others."""
    at, uf = now + timedelta(seconds=settings.delay_s), facts.register.uf
    if call.caller.purpose is Purpose.REQUESTED:
        return at
    places = {place_of(uf, recipient.phone.ddd, default=settings.zone) for recipient in recipients}
    return min(
        opens_at(
            at,
            call.caller.purpose,
            due_date=facts.due_date,
            place=place,
            zone=settings.zone,
            is_holiday=settings.is_holiday,
        )
        for place in places or {place_of(uf, None, default=settings.zone)}
    )


def _to_store(accepted: Accepted, call: Call) -> NewDispatch:
    return NewDispatch(
        id=accepted.dispatch_id,
        invoice_id=accepted.invoice_id,
        purpose=str(call.caller.purpose),
        client_id=call.caller.client_id,
        user_id=call.caller.user_id,
        starts_at=accepted.starts_at,
        messages=[NewMessage(recipient, new_reference()) for recipient in accepted.recipients],
        ignored=accepted.ignored,
    )


async def _store(
    connection: Connection,
    stored: Sequence[NewDispatch],
    world: _World,
    settings: AcceptSettings,
    slots: Slots,
) -> Stored:
    due = [slots.due(item.starts_at, world.now, calls=len(stored)) for item in stored]
    chunks, fresh = await _chunks(connection, sorted(set(due)), world, slots)
    xid = await dispatches.insert(connection, stored, [chunks[at] for at in due], settings.stored_as)
    await queue.enqueue(
        connection, [queue.WakeUp(chunks[at], max(0.0, (at - world.now).total_seconds())) for at in fresh]
    )
    given: Counter[datetime] = Counter()
    for item, at in zip(stored, due, strict=True):
        given[at] += len(item.messages)
    return Stored(
        xid, [item.id for item in stored], world.now, {at: (chunks[at], given[at]) for at in chunks}
    )


async def _chunks(
    connection: Connection, due: Sequence[datetime], world: _World, slots: Slots
) -> tuple[dict[datetime, int], list[datetime]]:
    """Give a chunk for each of these times, and the times for which it is new and has no queue entry yet.

    A known chunk is joined only while its entry waits, which is locked for that: whoever works on it then
    sees the messages of this transaction.
    """
    chunks: dict[datetime, int] = {}
    for at in due:
        known = slots.known(at)
        if known is not None and await queue.hold(connection, known):
            chunks[at] = known
    fresh = [at for at in due if at not in chunks]
    more = await dispatches.take_chunks(connection, len(fresh) - 1) if len(fresh) > 1 else []
    chunks |= zip(fresh, [world.chunk_id, *more], strict=False)
    return chunks, fresh


def _day(now: datetime, settings: AcceptSettings) -> date:
    return now.astimezone(settings.zone).date()
