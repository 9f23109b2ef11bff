"""Long calls of one kind: two at a time, and who waits too long is told to come again."""

from __future__ import annotations

import asyncio

import pytest

from disparo.api.turns import Turn
from disparo.dispatch.group_commit import Busy

pytestmark = pytest.mark.anyio


async def test_two_at_a_time_have_their_turn_and_the_next_when_one_ends():
    turn, let_go, inside = Turn(), asyncio.Event(), []

    async def call(number):
        async with turn.taken():
            inside.append(number)
            await let_go.wait()

    calls = [asyncio.create_task(call(number)) for number in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert inside == [0, 1]
    calls[0].cancel()  # its client is gone
    await asyncio.wait([calls[0]])
    let_go.set()
    await asyncio.gather(*calls[1:])
    assert inside == [0, 1, 2]


async def test_who_waits_too_long_is_told_to_come_again_and_takes_no_place():
    turn = Turn(patience_s=0.01)
    async with turn.taken(), turn.taken():
        with pytest.raises(Busy):
            async with turn.taken():
                pass
    async with turn.taken(), turn.taken():
        pass
