"""Whatever happens to messages, in whatever order: the promises hold after every step, and everything ends.

Workers claim, start, die and come back to life; the platform takes what it takes and tells it sooner, later or
never; people cancel, pause and send again; the database is restored. A number makes the order up, so that a
life that went wrong can be lived again; DISPARO_TEST_LIVES=1000 lives more of them.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import TypeVar

import asyncpg
import pytest
from tests.support.lives import Lives, World

from disparo.dispatch import cancel, reconcile
from disparo.domain.message import AFTER_A_START, OF_CANCELLED, OF_GIVEN_AS_SENT, TRANSITIONS, Event

pytestmark = pytest.mark.anyio

T = TypeVar("T")

STEPS = 60
_ALLOWED = {
    (str(before), str(after))
    for table in (TRANSITIONS, AFTER_A_START, OF_CANCELLED, OF_GIVEN_AS_SENT)
    for (before, _), after in table.items()
}
_UNSEEN = """
    SELECT id, chunk_id FROM messages m WHERE status = 'queued'
    AND NOT EXISTS (SELECT FROM waiting_chunks c WHERE c.chunk_id = m.chunk_id AND c.due_at <= m.due_at)
    AND NOT EXISTS (SELECT FROM bulk_chunks c WHERE c.chunk_id = m.chunk_id)"""
_NOBODYS = """
    SELECT id, status FROM messages m WHERE status IN ('claimed', 'sending')
    AND NOT EXISTS (SELECT FROM claims c JOIN workers w ON w.id = c.worker_id
                    WHERE c.chunk_id = m.chunk_id AND c.worker_id = m.worker_id)"""
_MISCOUNTED = """
    SELECT d.id, kept.counts, found.counts FROM dispatches d
    CROSS JOIN LATERAL (SELECT jsonb_object_agg(status, total) AS counts FROM
                        (SELECT status, sum(total) AS total FROM counts_of(d.id, d.kind) GROUP BY 1
                         HAVING sum(total) <> 0) c) kept
    CROSS JOIN LATERAL (SELECT jsonb_object_agg(status, total) AS counts FROM
                        (SELECT status, count(*) AS total FROM messages m WHERE m.dispatch_id = d.id
                         GROUP BY 1) c) found
    WHERE kept.counts IS DISTINCT FROM found.counts"""
_WITHOUT_DOUBT = """
    SELECT message_id FROM attempts JOIN messages m ON m.id = message_id
    WHERE m.status = 'uncertain' OR (m.status = 'accepted' AND m.reason = 'given_as_sent')
    GROUP BY message_id HAVING count(*) = 1 AND min(outcome) IN ('not_taken', 'refused')"""
_OF_A_RUN_THAT_IS_OVER = """
    SELECT id FROM messages m JOIN bulk_runs r USING (dispatch_id)
    WHERE r.state = 'cancelled' AND r.finished_at IS NOT NULL AND m.status IN ('queued', 'held')
    AND NOT EXISTS (SELECT FROM attempts a WHERE a.message_id = m.id)"""
#: By a person, or by itself where `tries` is above one.
_SENT_AGAIN = """
    SELECT message_id AS id, count(*) AS times FROM message_events
    WHERE from_status = 'uncertain' AND to_status = 'queued' AND actor NOT LIKE 'platform:%' GROUP BY message_id"""
_UNSENT = """
    SELECT id FROM messages WHERE id = ANY($1::bigint[]) AND status IN ('skipped', 'cancelled', 'failed')"""


class Chance:
    """Lives in which things happen by chance."""

    def __init__(self, lives: Lives, random: Random, *, alone: bool) -> None:
        self.lives, self._random = lives, random
        self._acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.more_comes, 3),
            (self.a_worker_comes, 2),
            (self.a_worker_claims, 8),
            (self.some_start, 8),
            (self.outcomes_come, 8),
            (self.some_do_not_go, 1),
            (self.some_go_back, 2),
            (self.a_worker_dies, 4),
            (self.receipts_come, 3),
            (self.some_are_cancelled, 2),
            (self.uncertain_ones_are_sent_again, 5),
            (self.some_are_given_as_sent, 1),
            (self.held_ones_are_let_go, 3),
            (self.a_run_is_told, 3),
            (self.the_house_is_tidied, 3),
            (self.the_database_is_restored, int(alone)),  # before anyone works with it
        ]

    async def act(self) -> str:
        acts, weights = zip(*self._acts, strict=True)
        (act,) = self._random.choices(acts, weights)
        await act()
        return act.__name__

    def _some(self, items: Iterable[T], share: float) -> list[T]:
        return [item for item in items if self._so(share)]

    def _one_of(self, items: Sequence[T]) -> list[T]:
        return [self._random.choice(items)] if items else []

    def _so(self, share: float = 0.5) -> bool:
        return self._random.random() < share

    async def more_comes(self) -> None:
        many = self._random.randint(1, 4)
        tries = self._random.choice((1, 1, 3))
        await (self.lives.begin_run(many) if self._so() else self.lives.accept(many, tries=tries))

    async def a_worker_comes(self) -> None:
        if len(self.lives.world.workers) < 3:
            await self.lives.add_worker()

    async def a_worker_claims(self) -> None:
        for worker in self._one_of(self.lives.world.workers):
            waiting = await self.lives.column("SELECT chunk_id FROM waiting_chunks ORDER BY 1")
            for chunk in self._some(waiting, 0.7):
                await self.lives.claim(worker, chunk, limit=self._random.choice((1, 500)))
            await self.lives.claim_of_a_run(worker, limit=self._random.choice((1, 500)))

    async def some_start(self) -> None:
        for claim in list(self.lives.world.claims):
            for id_ in self._some(claim.ids, 0.6):
                await self.lives.start(claim, id_, is_taken=self._so(0.6))

    async def outcomes_come(self) -> None:
        for handed in self._some([each for each in self.lives.world.handed if not each.is_written], 0.6):
            not_taken = self._random.choice(("not_taken", "not_taken", "refused"))
            await self.lives.record(handed, is_clear=self._so(), not_taken=not_taken)

    async def some_do_not_go(self) -> None:
        for claim in list(self.lives.world.claims):
            for id_ in self._some(claim.ids, 0.2):
                await self.lives.drop(id_, self._random.choice((Event.SKIP, Event.EXPIRE, Event.FAIL)))

    async def some_go_back(self) -> None:
        for claim in self._some(self.lives.world.claims, 0.3):
            await self.lives.put_back(claim, wait_s=self._random.choice((0, 3600)), with_run=self._so())

    async def a_worker_dies(self) -> None:
        for worker in self._one_of(self.lives.world.workers):
            await self.lives.take_over(worker, is_preparing=self._so())

    async def receipts_come(self) -> None:
        for handed in self._some([each for each in self.lives.world.handed if each.is_taken], 0.1):
            kind = self._random.choice(("sent", "delivered", "undelivered"))
            await self.lives.receipt(handed, kind, by_id=self._so())

    async def some_are_cancelled(self) -> None:
        for id_ in self._some(await self._messages(), 0.2):
            await self.lives.in_a_transaction(cancel.cancel_message, id_)
        singles = await self.lives.column(
            "SELECT id FROM dispatches WHERE kind = 'single' ORDER BY starts_at"
        )
        for id_ in self._some(singles, 0.1):
            await self.lives.in_a_transaction(cancel.cancel_dispatch, id_)

    async def uncertain_ones_are_sent_again(self) -> None:
        await self.lives.send_again(self._some(await self._messages("WHERE status = 'uncertain'"), 0.7))

    async def some_are_given_as_sent(self) -> None:
        await self.lives.in_a_transaction(reconcile.give_as_sent, self._some(await self._messages(), 0.2))

    async def held_ones_are_let_go(self) -> None:
        await self.lives.in_a_transaction(reconcile.release_held, self._some(await self._messages(), 0.7))

    async def a_run_is_told(self) -> None:
        for run in self._one_of(self.lives.world.runs):
            verb = self._random.choices(("pause_run", "resume_run", "cancel_run"), (2, 3, 1))[0]
            await self.lives.tell_run(run, verb)

    async def the_house_is_tidied(self) -> None:
        await self.lives.tidy()

    async def the_database_is_restored(self) -> None:
        await self.lives.restore()

    async def _messages(self, which: str = "") -> list[int]:
        return await self.lives.column(f"SELECT id FROM messages {which} ORDER BY id")


async def check(lives: Lives) -> None:
    assert not await lives.column(_UNSEEN), "waits where nobody looks"
    assert not await lives.column(_NOBODYS), "in the hands of nobody who can be taken over"
    assert not await lives.column(_MISCOUNTED), "counted otherwise than it is"
    assert not await lives.column(_WITHOUT_DOUBT), "called uncertain, and it surely did not leave"
    assert not await lives.column(_OF_A_RUN_THAT_IS_OVER), "of a cancelled run, and could still go"
    await check_moves(lives)
    taken: defaultdict[int, int] = defaultdict(int)
    for handed in lives.world.handed:
        taken[handed.message] += handed.is_taken
    again = {row["id"]: row["times"] for row in await lives.db.fetch(_SENT_AGAIN)}
    too_often = [id_ for id_, times in taken.items() if times > 1 + again.get(id_, 0)]
    assert not too_often, "handed over more often than it should"
    left = [id_ for id_, times in taken.items() if times]
    assert not await lives.column(_UNSENT, left), "called unsent, and it left"


async def check_moves(lives: Lives) -> None:
    told = defaultdict(list)
    for row in await lives.db.fetch(
        "SELECT message_id, from_status, to_status FROM message_events ORDER BY id"
    ):
        told[row["message_id"]].append((row["from_status"], row["to_status"]))
    for row in await lives.db.fetch("SELECT id, status FROM messages"):
        steps = told[row["id"]]  # that one of a run waits is told by its slice alone
        now = "queued"
        for before, after in steps[1:] if steps[:1] == [(None, "queued")] else steps:
            assert before == now
            assert (before, after) in _ALLOWED
            now = after
        assert row["status"] == now


@pytest.mark.parametrize("number", range(int(os.environ.get("DISPARO_TEST_LIVES", "8"))))
@pytest.mark.parametrize("hands", [1, 3])
async def test_whatever_happens_the_promises_hold_and_all_ends(dsn, pool, connection, hands, number):
    world = World()
    async with AsyncExitStack() as stack:
        chances = [Chance(Lives(pool, connection, world), Random(number), alone=hands == 1)]
        for hand in range(1, hands):
            other = await asyncpg.connect(dsn)
            stack.push_async_callback(other.close)
            chances.append(Chance(Lives(pool, other, world), Random(number * hands + hand), alone=False))
        await live(chances)
    lives = Lives(pool, connection, world)
    await lives.end()
    await check(lives)
    assert not await lives.in_hand()
    assert not await lives.column(
        "SELECT chunk_id FROM waiting_chunks UNION SELECT chunk_id FROM bulk_chunks"
    )
    assert not await lives.column("SELECT dispatch_id FROM bulk_runs WHERE finished_at IS NULL")


async def live(chances: Sequence[Chance]) -> None:
    """Do one thing after the other, or several at once, and look after each round."""
    first = chances[0]
    await first.a_worker_comes()
    for _ in range(2):
        await first.more_comes()
    happened: list[str] = []
    for _ in range(STEPS // len(chances)):
        try:
            happened += await asyncio.gather(*(chance.act() for chance in chances))
            await check(first.lives)
        except Exception as error:  # whatever it is, what led to it is told with it
            error.add_note(" > ".join(happened))
            raise
