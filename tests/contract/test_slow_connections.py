"""A platform that lets nobody in for so long that a message's time is over: it fails, and it is not us who are late."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress

import pytest
from tests.contract.generic import message, table

from disparo.dispatch.breaker import Breaker
from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.platforms.base import boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio


class Door:
    """Takes connections, and what they bring, once `open`; before that all wait that may."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._socket = stack.enter_context(socket.socket())
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(0)
        self._socket.setblocking(False)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/sms"
        self.brought = b""
        with suppress(TimeoutError):
            while True:
                waiting = stack.enter_context(socket.socket())
                waiting.settimeout(0.1)
                waiting.connect(self._socket.getsockname())

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            came, _ = await loop.sock_accept(self._socket)
            self._stack.enter_context(came)
            came.setblocking(False)
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.05):
                    self.brought += await loop.sock_recv(came, 65_536)


async def test_one_that_lets_us_in_when_it_is_too_late_has_not_taken_it_and_is_called_failing(peer):
    breaker = Breaker()
    with ExitStack() as stack:
        door = Door(stack)
        platform = GenericHttp("p", read_table("p", table(peer, url=door.url, timeout_s=10)))
        batch = [message(deadline_s=boottime_s() + 2.1, reference=f"ref-{number}") for number in range(5)]
        sending = asyncio.gather(*(platform.send([each]) for each in batch))
        await asyncio.sleep(2.2)  # asked for again after 3 s, whichever way a kernel counts
        opening = asyncio.create_task(door.open())
        outcomes = [outcome for (outcome,) in await sending]
        opening.cancel()
        await platform.close()
    for outcome in outcomes:
        breaker.note(outcome, latency_s=3.0, probe=False)
    assert {(each.kind, each.failure) for each in outcomes} == {(OutcomeKind.NOT_TAKEN, FailureClass.NETWORK)}
    assert breaker.is_open
    assert door.brought == b""
