"""Stores bulk runs, each in one short transaction; workers queue them slice by slice (`bulk_queue.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from disparo.db import accounts, bulk_runs, idempotency, overlaps
from disparo.db.bulk_runs import NewRun
from disparo.db.dispatches import StoredAs
from disparo.db.idempotency import Key
from disparo.db.pool import Connection, Pool
from disparo.dispatch.calls import AcceptSettings
from disparo.dispatch.group_commit import KeyInUse
from disparo.dispatch.rules import BY_DUE_DATE, opens_at
from disparo.dispatch.store_once import store_once
from disparo.domain.ids import new_id
from disparo.domain.windows import Purpose, next_allowed, place_of

#: What one call may name; by due dates there is no limit.
MOST_IDS = 50_000


class Which(StrEnum):
    """Which open invoices a run is for, by their due date and today's."""

    NOT_YET_DUE = "not_yet_due"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Selection:
    """The invoices of a run: `invoice_ids`, or all open ones due from one day to another, both inclusive."""

    invoice_ids: Sequence[int] | None = None
    due_from: date | None = None
    due_to: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no invoice can be meant."""
        if self.invoice_ids is not None:
            return not self.invoice_ids
        return self.due_from is not None and self.due_to is not None and self.due_from > self.due_to

    @property
    def single(self) -> int | None:
        """The invoice that was named, if one alone was: it goes as a single call, as its customer asked."""
        return self.invoice_ids[0] if self.invoice_ids is not None and len(self.invoice_ids) == 1 else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A run's filter as it was asked for; the same words mean other days tomorrow."""

    which: Which | None
    due_from: date | None
    due_to: date | None

    def on(self, today: date) -> Selection:
        """Give the invoices that the filter means on a day."""
        return select_due(self.which, self.due_from, self.due_to, today=today)


@dataclass(frozen=True, slots=True)
class RunOrder:
    """Who asks for a run of which invoices; `run_key` names the run, so that asking twice makes one.

    `asked`: the filter, where there was one: the same filter is the same order on any day. `only_others`:
    leave out phones that had the invoice within a day.
    """

    selection: Selection
    actor: str
    client_id: int | None = None
    user_id: int | None = None
    run_key: str | None = None
    asked: Asked | None = None
    only_others: bool = False

    def on(self, today: date) -> Selection:
        """Give the invoices that the order means, or meant, on a day of the database's clock.

        One clock says what is meant and when that was: around midnight two would not agree, and the same
        order would be another one when it is asked for again.
        """
        return self.selection if self.asked is None else self.asked.on(today)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The run of an order; `is_new` is false where it was stored before, under the same name or id."""

    dispatch_id: UUID
    starts_at: datetime
    stored_as: StoredAs
    is_new: bool = True


class KeyReused(Exception):
    """The idempotency key, or the name of the run, belongs to another order."""


class NothingMeant(Exception):
    """The order's filter can match no invoice."""


class NoPlatform(Exception):
    """No platform is configured, and the order was not answered before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an order, as bytes; `replayed`: kept from an earlier call."""

    response: bytes
    replayed: bool


def select_due(which: Which | None, due_from: date | None, due_to: date | None, *, today: date) -> Selection:
    """Give a selection by due dates, for a filter on a day."""
    if which is Which.OVERDUE:
        due_to = min(due_to or date.max, today - timedelta(days=1))
    if which is Which.NOT_YET_DUE:
        due_from = max(due_from or date.min, today)
    return Selection(None, due_from, due_to)


async def store_run(
    connection: Connection, order: RunOrder, settings: AcceptSettings, *, dispatch_id: UUID | None = None
) -> StoredRun:
    """Store a run in the caller's transaction (once for each id); raises KeyReused, NothingMeant."""
    await overlaps.wait_for_lookers(connection)
    now = await overlaps.moment(connection)  # not its transaction's, which may have waited for one who looks
    not_before = now + timedelta(seconds=settings.delay_s)
    if order.run_key is not None:
        found = await bulk_runs.by_key(connection, order.run_key)
        if found is not None:
            meant = order.on(found["created_at"].astimezone(settings.zone).date())
            if Selection(found["invoice_ids"], found["due_from"], found["due_to"]) != meant:
                raise KeyReused
            return StoredRun(found["dispatch_id"], found["starts_at"], settings.stored_as, is_new=False)
    selection = order.on(now.astimezone(settings.zone).date())
    if selection.is_empty:
        raise NothingMeant
    starts_at = await _starts_at(connection, selection, not_before, settings)
    run = NewRun(
        id=dispatch_id or new_id(),
        run_key=order.run_key,
        actor=order.actor,
        client_id=order.client_id,
        user_id=order.user_id,
        invoice_ids=selection.invoice_ids,
        due_from=selection.due_from,
        due_to=selection.due_to,
        purpose=BY_DUE_DATE,
        not_before=not_before,
        starts_at=starts_at,
        only_others=order.only_others,
        created_at=now,
    )
    is_new = await bulk_runs.insert(connection, run, settings.stored_as)
    if is_new:
        detail = {"dispatch": str(run.id)}
        await accounts.audit(connection, actor=order.actor, action="bulk_run_stored", detail=detail)
    return StoredRun(run.id, starts_at, settings.stored_as, is_new=is_new)


async def accept_run(
    pool: Pool,
    order: RunOrder,
    settings: AcceptSettings,
    *,
    key: Key | None,
    render: Callable[[StoredRun], bytes],
) -> Answer:
    """Store a run durably, once; raises KeyReused, NoPlatform, NothingMeant, and what `store_once` does."""
    dispatch_id = new_id()

    async def work(connection: Connection) -> Answer:
        return await _accept_once(
            connection, order, settings, key=key, render=render, dispatch_id=dispatch_id
        )

    return await store_once(pool, work)


async def _accept_once(
    connection: Connection,
    order: RunOrder,
    settings: AcceptSettings,
    *,
    key: Key | None,
    render: Callable[[StoredRun], bytes],
    dispatch_id: UUID,
) -> Answer:
    """Raises KeyInUse where another call holds the key."""
    if key is not None:
        taken = await idempotency.lock(connection, [key])
        kept = (await idempotency.find(connection, [key])).get(key.scope)
        if kept is not None and kept.digest != key.digest:
            raise KeyReused
        if kept is not None:
            return Answer(kept.response, replayed=True)
        if not taken[0]:
            raise KeyInUse
    if not settings.has_platform:
        raise NoPlatform
    response = render(await store_run(connection, order, settings, dispatch_id=dispatch_id))
    if key is not None:
        await idempotency.keep(connection, [(key, response)])
    return Answer(response, replayed=False)


async def _starts_at(
    connection: Connection, selection: Selection, at: datetime, settings: AcceptSettings
) -> datetime:
    """Give when the first may go; of a filter by the installation's clock alone: it may mean a million."""
    if selection.invoice_ids is not None:
        found = await bulk_runs.kinds_of(connection, selection.invoice_ids, allow_paid=settings.allow_paid)
        opens = [
            opens_at(
                at,
                BY_DUE_DATE,
                due_date=kind["due_date"],
                place=place_of(kind["uf"], kind["ddd"], default=settings.zone),
                zone=settings.zone,
                is_holiday=settings.is_holiday,
            )
            for kind in found
        ]
        if opens:
            return min(opens)
    place = place_of(None, None, default=settings.zone)
    return min(
        next_allowed(at, purpose, place=place, is_holiday=settings.is_holiday)
        for purpose in _purposes(selection, at.astimezone(settings.zone).date())
    )


def _purposes(selection: Selection, today: date) -> set[Purpose]:
    found = set()
    if selection.due_to is None or selection.due_to >= today:
        found.add(Purpose.NOTICE)
    if selection.due_from is None or selection.due_from < today:
        found.add(Purpose.COLLECTION)
    return found
