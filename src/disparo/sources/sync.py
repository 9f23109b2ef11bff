"""Brings a live source's register over: page by page, resumable, in one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import structlog

from disparo.db import alerts, erasure, register_counts, sync_states
from disparo.db.customers import (
    CustomerRow,
    InvoiceRow,
    fill_in_days_of,
    find_missing,
    update_told,
    upsert_customers,
    upsert_invoices,
)
from disparo.db.pool import ROW_REFUSED, TRANSIENT, Connection, Pool, connect
from disparo.dispatch.freshness import SourceDown
from disparo.errors import DatabaseUnavailable
from disparo.sources.asking_again import ANSWER_WITHIN_S, AskingAgain, say_refused
from disparo.sources.base import CANCELLED, DUE, LIVE, Page, RegisterSource, SourceRefused, Step, joined
from disparo.sources.listing import Listing
from disparo.sources.sync_plan import Plan, make_plan, plan_after, rests

log = structlog.get_logger(__name__)

#: Of a month's invoices that were not listed; the others' turn comes with the next full pass.
_UNLISTED_AT_ONCE = 500
_FAREWELL_S = 5.0
#: Of the invoices of a page whose customer is nowhere, in a line of the log.
_NAMED = 20
Progress = Callable[["Synced"], None]


class AlreadyRunning(Exception):
    """Another process is syncing this source."""


@dataclass(slots=True)
class Synced:
    """What a pass has stored so far. `missed`: rows that the source counts and did not list."""

    is_full: bool = False
    customers: int = 0
    invoices: int = 0
    left_out: int = 0
    missed: int = 0
    pages: int = 0


@dataclass(slots=True)
class Sync:
    """The sync of one source. `dsn`: for the connection that holds the lock of its only runner.

    The database lets one at a time write to the register. Whoever waits for that in this process has no
    connection meanwhile: starts of hand-overs need them too.
    """

    dsn: str
    pool: Pool
    source: RegisterSource
    zone: ZoneInfo
    every_s: float = 600.0
    answer_within_s: float = ANSWER_WITHIN_S
    progress: Progress = lambda _done: None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)
    #: Holds the lock that lets one process alone bring pages.
    _guard: Connection | None = field(default=None, init=False, repr=False)
    #: Whom the list of those with live services has; None: of a pass that was cut nobody knows them all.
    _live: set[int] | None = field(default=None, init=False, repr=False)

    async def run_if_due(self) -> None:
        """Bring what is new, where it is time to: the job that workers do now and then."""
        async with self.pool.acquire() as connection:
            state = await sync_states.read(connection, self.source.name)
        if state is not None and rests(state, self.every_s):
            return
        try:
            await self.run()
        except AlreadyRunning:
            return
        except (SourceDown, SourceRefused, DatabaseUnavailable) as error:
            log.warning("sync_failed", source=self.source.name, error=str(error))

    async def run(self, *, full: bool = False) -> Synced:
        """Do one pass, or the rest of one that was cut; raises AlreadyRunning, SourceDown, SourceRefused.

        It is a full one on demand, where there was none yet, and once a day: what was cancelled or changed
        without being new or paid shows in no incremental list.
        """
        guard = await connect(self.dsn)
        try:
            if not await sync_states.take_lock(guard, self.source.name):
                raise AlreadyRunning
            self._guard = guard
            return await self._run(full=full)
        finally:
            with suppress(*TRANSIENT):  # a database whose machine vanished does not answer a farewell
                await guard.close(timeout=_FAREWELL_S)

    async def _run(self, *, full: bool) -> Synced:
        name = self.source.name
        async with self.pool.acquire() as connection:
            state = await sync_states.read(connection, name)
            plan = make_plan(state, self.source, datetime.now(self.zone).date(), full=full)
            await sync_states.begin(connection, name, plan)
        done = Synced(is_full=plan["full"])
        try:
            plan = await self._passes(plan, done)
        except (SourceDown, SourceRefused) as error:
            await self._fail(str(error))
            raise
        except ROW_REFUSED as error:
            await self._fail(words := say_refused(error))
            raise SourceRefused(words) from None
        async with self.pool.acquire() as connection, connection.transaction():
            self._stop_if_not_alone()
            began = date.fromisoformat(plan["began"])
            await sync_states.finish(
                connection,
                name,
                complete_to=began,
                is_full=plan["full"],
                lacks=sync_states.lacks_after(plan),
            )
            await register_counts.fold_counts(connection)
            await alerts.clear(connection, alerts.SYNC_FAILED, name)
        return done

    def _stop_if_not_alone(self) -> None:
        """End a pass whose lock went with its connection: another process may be bringing the same pages."""
        if self._guard is None or self._guard.is_closed():
            raise DatabaseUnavailable(
                "A conexão com o banco de dados caiu no meio da sincronização. O que veio está gravado; "
                "a próxima continua daqui."
            )

    async def _fail(self, why: str) -> None:
        async with self.pool.acquire() as connection:
            await sync_states.fail(connection, self.source.name, why[:200])
            await alerts.raise_(connection, alerts.SYNC_FAILED, self.source.name)

    async def _passes(self, plan: Plan, done: Synced) -> Plan:
        self._live = None
        while plan["step"] < len(plan["steps"]):
            step, listing = plan["step"], Listing.going_on(plan.get("listed"))
            while plan["step"] == step:
                plan = await self._page(plan, done, listing)
            done_step = Step.read(plan["steps"][step])
            if done_step.kind == LIVE and listing.is_whole:
                self._live = listing.ids
            await self._ask_for_unlisted(done_step, listing)
        done.missed, done.left_out = plan["missed"], plan["left_out"]
        return plan

    async def _page(self, plan: Plan, done: Synced, listing: Listing) -> Plan:
        """Bring one page over; gives the plan of what is left."""
        step = Step.read(plan["steps"][plan["step"]])
        page = await self.fetch_page(step, plan["page"])
        if step.kind == CANCELLED:
            page = replace(page, customers=await self._without_live(page.customers))
        async with self._turn, self.pool.acquire() as connection, connection.transaction():
            self._stop_if_not_alone()
            orphans = await self.store(connection, page)
            page = replace(page, left_out=page.left_out + len(orphans))
            listing.add(page, plan["page"])
            plan = plan_after(plan, page, listing, self.source.name)
            await sync_states.advance(connection, self.source.name, plan)
        if orphans:
            log.warning("sync_without_customer", source=self.source.name, invoices=sorted(orphans)[:_NAMED])
        done.customers += len(page.customers)
        done.invoices += len(page.invoices) - len(orphans)
        done.pages += 1
        self.progress(done)
        return plan

    async def _without_live(self, rows: Sequence[CustomerRow]) -> Sequence[CustomerRow]:
        """Leave out who has services that are not cancelled, too: theirs are the ones that are kept."""
        if (live := self._live) is None:
            async with self.pool.acquire() as connection:
                live = await sync_states.with_live_services(connection, [row["id"] for row in rows])
        return [row for row in rows if row["id"] not in live]

    async def _ask_for_unlisted(self, step: Step, listing: Listing) -> None:
        """Ask for invoices of a month that its list does not have: deleted there, or due in another."""
        if step.kind != DUE or step.first is None or step.last is None or not listing.is_complete:
            return
        async with self.pool.acquire() as connection:
            unlisted = await sync_states.open_and_not_among(
                connection, self.source.name, listing.ids, step.first, step.last, limit=_UNLISTED_AT_ONCE
            )
        try:
            await self.refresh(unlisted)
        except SourceDown as error:  # they are asked for before they are sent, too
            log.warning("unlisted_not_asked", source=self.source.name, error=str(error))

    async def store_in_turn(self, page: Page, *, within_s: float) -> set[int]:
        """Store a page as `store` does; raises TimeoutError where its turn does not come so soon."""
        async with asyncio.timeout(within_s):
            await self._turn.acquire()
        try:
            async with self.pool.acquire() as connection, connection.transaction():
                return await self.store(connection, page)
        finally:
            self._turn.release()

    async def store(self, connection: Connection, page: Page) -> set[int]:
        """Store a page in the caller's transaction; gives the ids of invoices whose customer is missing."""
        await fill_in_days_of(connection, self.zone)
        await upsert_customers(connection, page.customers)
        await update_told(connection, self.source.name, page.told)
        erased = await erasure.among(connection, [row["customer_id"] for row in page.invoices])
        return await upsert_invoices(
            connection, [row for row in page.invoices if row["customer_id"] not in erased]
        )

    async def fetch_page(self, step: Step, number: int) -> Page:
        """Read a page and the customers that its invoices need."""
        page = await self.source.fetch_page(step, number)
        return joined(page, await self.fetch_customers(await self.find_strangers(page.invoices)))

    async def fetch_customers(self, customer_ids: Sequence[int]) -> list[CustomerRow]:
        """Ask for these customers; no connection is in hand."""
        return [row async for row in self.source.fetch_customers(customer_ids)]

    async def find_strangers(self, invoices: Sequence[InvoiceRow]) -> list[int]:
        """Tell which customers invoices name and we have not: they came after the customers' pages."""
        if not invoices:
            return []
        async with self.pool.acquire() as connection:
            return sorted(await find_missing(connection, [row["customer_id"] for row in invoices]))

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.name

    async def refresh(self, invoice_ids: Sequence[int]) -> set[int]:
        """Ask for invoices again (dispatch.freshness.Source); raises SourceDown."""
        async with self.pool.acquire() as connection:
            rows = await sync_states.invoices_to_ask(connection, self.source.name, invoice_ids)
        by_customer: dict[int, list[tuple[int, date]]] = {}
        for row in rows:
            by_customer.setdefault(row["customer_id"], []).append((row["id"], row["due_date"]))
        own = (self.pool, self.source, self.store, self.find_strangers, self._turn)
        return await AskingAgain(*own, answer_within_s=self.answer_within_s).ask(by_customer)
