"""Sends a text of several parts: each is a submit_sm of its own, and has a slot of the limit a second."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import Outgoing, boottime_s
from disparo.platforms.smpp.binds import Refused
from disparo.platforms.smpp.session import Session

#: Gives a session with room, until a moment of the loop's clock; raises Refused.
Find = Callable[[float], Awaitable[Session]]
#: Submits one part; what is answered after it was given up is told to the function.
Submit = Callable[[Session, bytes, Callable[[Outcome], None]], Awaitable[Outcome]]
_PAUSE_S = 1.0
#: No part is written later than so long after its message's deadline: a worker that was away for that long
#: has been taken over, and a person may send the text again (`reconcile.RESEND_AFTER_S` after the start).
_LATEST_S = 300.0
_MOST = 255  # a part's header has one octet for it
_TOO_LATE = Outcome(OutcomeKind.NOT_STARTED, code="too_late")


def most_parts(*, per_second: float | None, per_day: int | None) -> int:
    """Give how many parts a text may have under these limits: one of more would never go, or never whole."""
    # Single calls have every other slot.
    in_time = math.inf if per_second is None else 1 + int(per_second * _LATEST_S / 2)
    return int(min(in_time, per_day or math.inf, _MOST))


class LongText:
    """One long text on its way; its later parts are waited for `within_s` together, their slots aside.

    `tell_late` is told of an answer that comes too late, where it says what became of the whole text.
    """

    def __init__(
        self,
        message: Outgoing,
        find: Find,
        submit: Submit,
        within_s: float,
        *,
        tell_late: Callable[[Outcome], None],
    ) -> None:
        self._message = message
        self._find = find
        self._submit = submit
        self._tell_late = tell_late
        self._parts = 0
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + within_s
        self._latest_s = message.deadline_s + _LATEST_S

    async def send(self, bodies: Sequence[bytes]) -> Outcome:
        """Submit parts one after the other: nothing arrives of a message whose first is refused."""
        self._parts = len(bodies)
        outcome = await self._send_first(bodies[0])
        if outcome.kind is not OutcomeKind.ACCEPTED:
            return outcome
        for number, body in enumerate(bodies[1:], 2):
            outcome = await self._send_further(number, body)
            if outcome.kind is not OutcomeKind.ACCEPTED:
                return Outcome(
                    OutcomeKind.AMBIGUOUS, code=f"{outcome.code}, part {number}", failure=FailureClass.NETWORK
                )
        return self._whole(outcome)

    def _whole(self, outcome: Outcome) -> Outcome:
        return outcome._replace(segments=self._parts)

    def _hear_late(self, number: int, outcome: Outcome) -> None:
        is_taken = outcome.kind is OutcomeKind.ACCEPTED
        if is_taken and number == self._parts:
            self._tell_late(self._whole(outcome))
        elif not is_taken and number == 1:
            self._tell_late(outcome)

    async def _send_first(self, body: bytes) -> Outcome:
        """Submit the first part, the only one that can be too late."""
        message = self._message
        try:
            session = await self._find(min(self._until, self._here(message.slot_ends_s)))
        except Refused as refused:
            return refused.outcome(message.slot_ends_s)
        if boottime_s() > message.deadline_s:
            return Outcome(OutcomeKind.NOT_STARTED)
        return await self._submit(session, body, partial(self._hear_late, 1))

    async def _send_further(self, number: int, body: bytes) -> Outcome:
        """Submit another part, again if it was surely not taken, as often as there is time for."""
        while True:
            try:
                slot_ends_s = await self._slot_ends_s()
                session = await self._find(min(self._until, self._here(slot_ends_s)))
            except TimeoutError:  # the database is away, and nobody gives slots
                return _TOO_LATE
            except Refused as refused:
                outcome = refused.outcome()
            else:
                if boottime_s() > self._latest_s:
                    return _TOO_LATE
                outcome = await self._submit(session, body, partial(self._hear_late, number))
            if outcome.kind is not OutcomeKind.NOT_TAKEN or self._loop.time() + _PAUSE_S > self._until:
                return outcome
            await asyncio.sleep(_PAUSE_S)

    async def _slot_ends_s(self) -> float:
        """Wait for a slot; raises TimeoutError when it is too late for one."""
        if self._message.next_part is None:
            return math.inf
        began = self._loop.time()
        async with asyncio.timeout_at(self._here(self._latest_s)):
            ends_s = await self._message.next_part()
        self._until += self._loop.time() - began
        return ends_s

    def _here(self, at_s: float) -> float:
        """Give a moment of CLOCK_BOOTTIME on the loop's clock."""
        return self._loop.time() + at_s - boottime_s()
