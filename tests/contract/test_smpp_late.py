"""An SMSC that answers after it was given up, over the same bind: what it says is a fact all the same."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.smsc import an_smsc, bound, message, one, refuse, take
from tests.support.loops import TIMEOUT_S, put_forward

from disparo.domain.outcome import OutcomeKind
from disparo.platforms.guard import Guarded

pytestmark = pytest.mark.anyio


async def given_up(smsc, is_asked, sending):
    """Let its answer be waited for in vain, once it is asked; gives the outcomes."""
    await smsc.until(is_asked)
    put_forward(TIMEOUT_S)
    return await sending


async def test_an_answer_that_comes_late_is_told_all_the_same():
    asked, told = [], []

    async def later(_smsc, writer, unit):
        asked.append((writer, unit))

    async with an_smsc(answer=later) as smsc, bound(smsc) as platform:
        batch = [message(number=number) for number in range(2)]
        sending = asyncio.create_task(
            platform.send(batch, lambda place, outcome: told.append((place, outcome.kind)))
        )
        await given_up(smsc, lambda: len(asked) == 2, sending)
        assert told == [(0, OutcomeKind.AMBIGUOUS), (1, OutcomeKind.AMBIGUOUS)]
        for writer, unit in asked:
            await take(smsc, writer, unit)
        await smsc.until(lambda: len(told) == 4)
        assert told[2:] == [(0, OutcomeKind.ACCEPTED), (1, OutcomeKind.ACCEPTED)]


async def test_the_guard_tells_late_answers_to_test_numbers_too():
    asked, told = [], []

    async def later(_smsc, writer, unit):
        asked.append((writer, unit))

    async with an_smsc(answer=later) as smsc, bound(smsc) as platform:
        guarded = Guarded(platform, test_numbers=frozenset({message(number=1).e164}))
        batch = [message(number=number) for number in range(2)]
        sending = asyncio.create_task(
            guarded.send(batch, lambda place, outcome: told.append((place, outcome.kind)))
        )
        outcomes = await given_up(smsc, lambda: asked, sending)
        assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REFUSED, OutcomeKind.AMBIGUOUS]
        await take(smsc, *asked[0])
        await smsc.until(lambda: (1, OutcomeKind.ACCEPTED) in told)
    assert {place for place, _ in told} == {1}


@pytest.mark.parametrize(
    ("late", "answer", "more"),
    [
        (3, take, [(OutcomeKind.ACCEPTED, "id-3", 3)]),
        (3, refuse(0x58), []),  # two parts are there
        (2, take, []),  # the third was never written
        (1, take, []),
        (1, refuse(0x58), [(OutcomeKind.NOT_TAKEN, None, None)]),
        (1, refuse(0x0B), [(OutcomeKind.REFUSED, None, None)]),
    ],
)
async def test_of_a_long_text_what_settles_it_whole_is_told_late_too(late, answer, more):
    asked, told = [], []

    async def keep_one(smsc, writer, unit):
        if len(smsc.submitted) == late:
            asked.append((smsc, writer, unit))
        else:
            await take(smsc, writer, unit)

    async with an_smsc(answer=keep_one) as smsc, bound(smsc) as platform:
        sending = asyncio.create_task(
            platform.send([message("x" * 400)], lambda _place, outcome: told.append(outcome))
        )
        await given_up(smsc, lambda: asked, sending)
        assert [(outcome.kind, outcome.code) for outcome in told] == [
            (OutcomeKind.AMBIGUOUS, f"no_answer, part {late}" if late > 1 else "no_answer")
        ]
        await answer(*asked[0])
        await one(platform)  # what was said before has come
    assert len(smsc.submitted) == late + 1
    assert [(outcome.kind, outcome.platform_id, outcome.segments) for outcome in told[1:]] == more
