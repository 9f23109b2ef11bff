"""In whatever order facts come in: the message ends as what is known of its hand-overs says, and goes no more.

Random histories of one message: workers that die or are taken over, answers that are lost or late, receipts before
and after them, a person in between. A number makes each up; DISPARO_TEST_LIVES=1000 has 10,000 of them.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import start, take_over
from tests.integration.dispatch.test_receipts import say
from tests.integration.dispatch.test_recorder import recorded
from tests.support import rows
from tests.support.rows import outcome

from disparo.db import messages
from disparo.dispatch import reconcile
from disparo.dispatch.cancel import cancel_message
from disparo.dispatch.receipts import apply_waiting

pytestmark = pytest.mark.anyio
HISTORIES = 10
NOTHING = ("refused", "not_taken", "not_started")
ANSWERS = {"accepted", "ambiguous", *NOTHING}


@dataclass(eq=False)
class HandOver:
    """`truth`: taken, or why not. `fate`: what the platform says of it later. `told`: what we were told so far."""

    number: int
    attempt: int
    worker: object
    truth: str
    is_lost: bool
    fate: str | None = None
    told: set[str] = field(default_factory=set)

    @property
    def is_known(self):
        return bool(self.told - {"ambiguous"})


class History:
    def __init__(self, pool, connection, number):
        self.pool, self.connection, self.number = pool, connection, number
        self.random = random.Random(number)
        self.tries = self.random.choice([1, 2, 2, 3])
        #: A platform that keeps our reference may speak of what we have no id of.
        self.names_reference = self.random.random() < 0.6
        self.hand_overs, self.to_come, self.log = [], [], []
        self.resent, self.was_given, self.went_again = 0, False, False

    async def run(self):
        (self.message,) = await rows.add_messages(self.connection, first_id=1 + self.number, tries=self.tries)
        self.reference = await self.connection.fetchval(
            "SELECT reference FROM messages WHERE id = $1", self.message
        )
        for _ in range(14):
            chance = self.random.random()
            if await self.status() == "queued" and chance < 0.6:
                await self.hand_over()
            elif chance < 0.68:
                await self.have_a_person_do_something()
            elif chance < 0.75:
                await apply_waiting(self.pool)
            else:
                await self.tell()
        while await self.tell():
            pass
        for _ in range(2):
            await apply_waiting(self.pool)

    async def status(self):
        return (await rows.statuses(self.connection, [self.message]))[0]

    async def hand_over(self):
        # A receipt by an id that no answer told is nobody's.
        self.went_again |= any(
            "accepted" in one.told or (self.names_reference and one.told & {"sent", "delivered"})
            for one in self.hand_overs
        )
        await self.connection.execute("UPDATE messages SET due_at = now() WHERE id = $1", self.message)
        worker, token = await rows.add_worker(self.connection), uuid4()
        chunk = await rows.chunk_of(self.connection, self.message)
        await messages.claim(self.connection, worker, token=token, chunk_id=chunk, limit=1)
        (attempt,) = (await start(self.connection, worker, token, [self.message])).values()
        # Of two that were taken nobody could tell whose a receipt is that no answer's id explains.
        is_taken = self.random.random() < 0.4 and all(one.truth in NOTHING for one in self.hand_overs)
        truth = "taken" if is_taken else self.random.choice(NOTHING)
        one = HandOver(len(self.hand_overs), attempt, worker, truth, is_lost=self.random.random() < 0.35)
        self.hand_overs.append(one)
        self.log.append(f"start {one.number}: {truth}{', its answer lost' if one.is_lost else ''}")
        if one.is_lost or self.random.random() < 0.4:
            self.to_come.append((one, "ambiguous"))
        if not one.is_lost:
            self.to_come.append((one, "accepted" if is_taken else truth))
        if is_taken and (self.names_reference or not one.is_lost):
            one.fate = self.random.choice(["delivered", "undelivered", "undelivered", None])
            self.to_come += [(one, "sent")] * (self.random.random() < 0.3)
            self.to_come += [(one, one.fate)] * (one.fate is not None)
        self.to_come.append((one, "dead"))

    async def tell(self):
        """Tell one of what is to come, answers in their order; gives whether there was something."""
        self.to_come = [(one, what) for one, what in self.to_come if what != "dead" or not one.told & ANSWERS]
        ready, answered = [], set()
        for one, what in self.to_come:
            if what not in ANSWERS or one not in answered:
                ready.append((one, what))
            if what in ANSWERS:
                answered.add(one)
        if not ready:
            return False
        one, what = self.random.choice(ready)
        self.to_come.remove((one, what))
        platform_id = f"{self.message}-{one.number}"
        if what == "dead":
            await take_over(self.connection, one.worker)
        elif what in ANSWERS:
            named = {"platform_id": platform_id} if what == "accepted" else {}
            async with recorded(self.pool, outcome(self.message, one.attempt, what, **named)):
                one.told.add(what)
        else:
            await say(
                self.pool, what, platform_id, reference=self.reference if self.names_reference else None
            )
            one.told.add(what)
        self.log.append(f"{what} of {one.number}: {await self.status()}")
        return True

    async def have_a_person_do_something(self):
        what, status = self.random.choice(["cancel", "resend", "give"]), await self.status()
        if what == "cancel" and status == "queued":
            await cancel_message(self.connection, self.message, actor="ana")
        elif what == "resend" and status == "uncertain":
            await self.connection.execute("UPDATE attempts SET started_at = now() - interval '20 min'")
            with suppress(reconcile.NotAgain):
                self.resent += len(await reconcile.resend(self.connection, [self.message], actor="ana"))
        elif what == "give" and status == "uncertain":
            await reconcile.give_as_sent(self.connection, [self.message], actor="ana")
            self.was_given = True
        self.log.append(f"a person, {what}: {await self.status()}")

    def allowed(self):
        """Give the statuses that what was told leaves."""
        told = set().union(*(one.told for one in self.hand_overs))
        if "delivered" in told:
            return {"delivered"}
        if self.was_given:
            return {"accepted", "sent", "undelivered", "failed", "queued"}
        if not all(one.is_known for one in self.hand_overs):
            return {"uncertain", "queued", "accepted", "sent", "undelivered"}
        if "undelivered" in told:
            return {"undelivered", "queued"}
        if told & {"accepted", "sent"}:
            return {"accepted", "sent"}
        return {"failed", "cancelled", "queued"}


@pytest.mark.parametrize("part", range(int(os.environ.get("DISPARO_TEST_LIVES", "8"))))
async def test_the_end_is_what_is_known_and_nothing_goes_too_often(pool, connection, part):
    for number in range(part * HISTORIES, (part + 1) * HISTORIES):
        history = History(pool, connection, number)
        await history.run()
        assert await history.status() in history.allowed(), history.log
        assert not history.went_again, history.log
        may_have_left = [
            one for one in history.hand_overs if one.is_lost or one.truth not in ("not_taken", "not_started")
        ]
        assert len(may_have_left) <= history.tries + history.resent, history.log
