"""Texts of several SMS: each part once, whole or not begun, and none waits for another message's answer."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.contract.smsc import (
    Ear,
    Smsc,
    an_smsc,
    bound,
    hang_first,
    message,
    one,
    platform_of,
    refuse,
    take,
)
from tests.support.loops import TIMEOUT_S, put_forward

from disparo.domain.outcome import OutcomeKind
from disparo.domain.sms_text import count_segments
from disparo.platforms.base import boottime_s
from disparo.platforms.simulator.app import Simulator
from disparo.platforms.simulator.smsc import Link
from disparo.platforms.smpp import pdu

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("length", [161, 200, 254, 255, 400])
async def test_more_than_one_sms_holds_goes_whole_as_payload(length):
    async with an_smsc() as smsc, bound(smsc, long_texts="payload") as platform:
        await one(platform, "y" * length)
    (submitted,) = smsc.submitted
    assert submitted.optional[pdu.Tag.MESSAGE_PAYLOAD] == b"y" * length


async def test_one_answer_that_does_not_come_keeps_no_long_text_waiting():
    told = []
    async with an_smsc(answer=hang_first) as smsc, bound(smsc) as platform:
        batch = [message("Ola", number=0), *(message("x" * 200, number=number) for number in range(1, 6))]
        sending = asyncio.create_task(
            platform.send(batch, lambda place, outcome: told.append((place, outcome.kind)))
        )
        await smsc.until(lambda: len(told) == 5)
        put_forward(TIMEOUT_S)
        outcomes = await sending
    assert told == [(place, OutcomeKind.ACCEPTED) for place in range(1, 6)] + [(0, OutcomeKind.AMBIGUOUS)]
    assert [outcome.segments for outcome in outcomes[1:]] == [2] * 5


async def test_a_later_part_waits_for_a_bind_that_was_lost_as_long_as_there_is_time():
    async with an_smsc() as smsc:

        async def is_full_and_starts_anew(smsc, writer, unit):
            if len(smsc.submitted) != 2:
                await take(smsc, writer, unit)
                return
            await refuse(0x14)(smsc, writer, unit)
            await writer.drain()
            smsc.bind_status = 0x08
            asyncio.get_running_loop().call_later(0.1, writer.close)
            asyncio.get_running_loop().call_later(1.2, setattr, smsc, "bind_status", 0)

        smsc.answer = is_full_and_starts_anew
        async with bound(smsc, timeout_s=10) as platform:
            outcome = await one(platform, "x" * 300)
    assert (outcome.kind, len(smsc.submitted)) == (OutcomeKind.ACCEPTED, 3)


async def test_no_part_is_written_when_its_message_may_be_somebody_elses(monkeypatch):
    monkeypatch.setattr("disparo.platforms.smpp.long_text._LATEST_S", 0.1)

    async def answer_late(smsc, writer, unit):  # or in time, to a worker that was frozen meanwhile
        await asyncio.sleep(0.5)
        await take(smsc, writer, unit)

    async with an_smsc(answer=answer_late) as smsc, bound(smsc) as platform:
        (outcome,) = await platform.send([message("x" * 300, deadline_s=boottime_s() + 0.2)])
    assert (outcome.kind, outcome.code) == (OutcomeKind.AMBIGUOUS, "too_late, part 2")
    assert len(smsc.submitted) == 1


@pytest.mark.parametrize(
    ("limit", "most"),
    [
        ({}, 10),
        ({"per_second": 100, "per_day": 1000}, 10),
        ({"per_second": 0.05}, 8),
        ({"per_second": 0.02}, 4),
        ({"per_second": 0.001}, 1),
        ({"per_day": 2}, 2),
    ],
)
def test_no_text_has_more_parts_than_the_limits_ever_let_go(limit, most):
    assert platform_of(Smsc(port=1), long_texts="parts", **limit).capabilities.profile.max_parts == most
    assert platform_of(Smsc(port=1), long_texts="payload", **limit).capabilities.profile.max_parts == 10


@pytest.mark.parametrize(
    ("alphabet", "text"),
    [
        ("latin1", "ã" * 150),
        ("latin1", "ã" * 300),
        ("latin1", "š" * 80),
        ("ascii", "É" * 150),
        ("ascii", "E" * 161),
        ("gsm7", "a" * 152 + "€" + "b" * 152),
        ("gsm7", "€" * 80),
        ("gsm7", "ш" * 66 + "😀" + "ш" * 66),
        ("gsm7", "ш" * 134),
    ],
)
async def test_what_is_counted_is_what_is_sent(alphabet, text):
    async with an_smsc() as smsc, bound(smsc, alphabet=alphabet) as platform:
        await one(platform, text)
    assert len(smsc.submitted) == count_segments(text, platform.capabilities.profile)


async def test_the_simulator_joins_parts_that_come_over_several_binds(tmp_path):
    simulator = Simulator(tmp_path / "log")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link(simulator.smsc), "127.0.0.1", 0)
    platform = platform_of(Smsc(port=server.sockets[0].getsockname()[1]), binds=2)
    platform.listen(Ear())
    async with asyncio.timeout(10):
        while len(simulator.smsc.receivers) < 2:
            await asyncio.sleep(0.01)
    texts = [str(number) * 300 for number in range(3)]
    outcomes = await platform.send([message(text, number=number) for number, text in enumerate(texts)])
    await platform.close()
    server.close()
    await simulator.smsc.close()
    taken = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(each["text"] for each in taken if "text" in each) == texts
    assert len({outcome.platform_id for outcome in outcomes}) == 3
