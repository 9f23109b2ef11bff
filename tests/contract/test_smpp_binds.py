"""Binds that an SMSC forgets, refuses or drops: bound to again, and nothing is said of one for another."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress

import pytest
from tests.contract.smsc import an_smsc, bound, message, one, platform_of, refuse, take
from tests.support.loops import TIMEOUT_S, put_forward

from disparo.domain.outcome import OutcomeKind
from disparo.platforms.base import boottime_s
from disparo.platforms.smpp import binds, pdu
from disparo.platforms.smpp.pdu import Command

pytestmark = pytest.mark.anyio


async def test_an_smsc_that_forgot_the_bind_is_bound_to_again():
    async def answer(smsc, writer, unit):
        await (refuse(0x04) if writer is smsc.writers[0] else take)(smsc, writer, unit)

    async with an_smsc(answer=answer) as smsc, bound(smsc) as platform:
        assert (await one(platform)).kind is OutcomeKind.NOT_TAKEN
        await smsc.until(lambda: len(smsc.binds) == 2)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED
        assert smsc.open == 1


async def test_an_smsc_that_forgot_the_bind_and_says_so_to_the_pulse_is_bound_to_again():
    async with an_smsc(pulse_status=0x04) as smsc, bound(smsc, enquire_every_s=1) as platform:
        await smsc.until(lambda: len(smsc.binds) == 2)
        smsc.pulse_status = 0
        await smsc.until(lambda: platform.link.is_up)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED


async def test_a_bind_that_is_not_understood_is_none_even_when_no_fault_is_named():
    async with an_smsc(nacks_binds=True) as smsc:
        outcome = await one(platform_of(smsc))
    assert (outcome.kind, outcome.code) == (OutcomeKind.NOT_TAKEN, "ESME_RUNKNOWNERR")
    assert smsc.submitted == []


async def test_one_that_hangs_up_after_each_bind_is_known_to_take_nothing(monkeypatch):
    monkeypatch.setattr(binds, "_LONGEST_AWAY_S", 0.1)
    monkeypatch.setattr(binds, "CONNECT_TIMEOUT_S", 1.0)
    kinds = set()
    async with an_smsc(hangs_up=True) as smsc, bound(smsc) as platform, asyncio.timeout(30):
        while OutcomeKind.NOT_TAKEN not in kinds:  # else no other platform would take over
            (outcome,) = await platform.send([message()._replace(slot_ends_s=boottime_s() + 0.3)])
            kinds.add(outcome.kind)
    assert OutcomeKind.AMBIGUOUS not in kinds  # nothing was written
    assert smsc.submitted == []


async def test_a_bind_too_many_says_nothing_of_one_that_was_lost_for_a_moment():
    async with an_smsc() as smsc, bound(smsc, binds=2) as platform:
        await smsc.until(lambda: len(smsc.binds) == 2)
        smsc.bind_status = 0x0D
        smsc.writers[1].transport.abort()
        await smsc.until(lambda: len(smsc.binds) == 3)  # refused: there may be one alone
        smsc.bind_status = 0
        smsc.writers[0].transport.abort()
        await smsc.until(lambda: smsc.open == 0)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED


async def test_nothing_is_written_to_a_connection_that_was_cut():
    async def answer(smsc, writer, unit):
        await take(smsc, writer, unit)
        if len(smsc.submitted) == 1:
            writer.write(b"\xff" * 16)

    async with an_smsc(answer=answer) as smsc, bound(smsc, bind_window=1) as platform:
        first, second = await asyncio.gather(one(platform), one(platform))
    assert (first.kind, second.kind) == (OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED)


async def test_one_that_answers_messages_and_no_pulse_is_not_cut_with_messages_under_way():
    async with an_smsc() as smsc, bound(smsc, enquire_every_s=1) as platform:
        smsc.is_mute = True
        await smsc.until(lambda: smsc.others)
        kinds = {(await one(platform)).kind}
        put_forward(TIMEOUT_S)
        while len(smsc.others) < 2:  # its second pulse: the first was in vain
            kinds.add((await one(platform)).kind)
            await asyncio.sleep(0.05)
        smsc.is_mute = False  # it need not be waited for at the end
    assert kinds == {OutcomeKind.ACCEPTED}
    assert len(smsc.binds) == 1


@contextmanager
def a_hole(port):
    """Somewhere that answers nobody: all that may wait there do."""
    with ExitStack() as stack:
        hole = stack.enter_context(socket.socket())
        hole.bind(("127.0.0.2", port))
        hole.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(hole.getsockname())
        yield


async def test_one_address_of_a_name_that_answers_nobody_keeps_us_from_no_other(monkeypatch):
    async with an_smsc() as smsc:
        loop = asyncio.get_running_loop()

        async def both(_host, port, **_how):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (2, 1)]

        monkeypatch.setattr(loop, "getaddrinfo", both)
        with a_hole(smsc.port):
            assert (await one(platform_of(smsc, host="smsc.example"))).kind is OutcomeKind.ACCEPTED


async def test_one_that_talks_on_and_reads_nothing_is_cut_before_its_answers_pile_up():
    questions = b"".join(pdu.pack(Command.ENQUIRE_LINK, number) for number in range(1, 4097))

    async def talk_on(writer):
        while True:
            writer.write(questions)
            await writer.drain()

    async with an_smsc() as smsc, bound(smsc, enquire_every_s=1, timeout_s=1):
        (deaf,) = smsc.writers
        deaf.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.transport.pause_reading()
        talking = asyncio.create_task(talk_on(deaf))
        await smsc.until(lambda: len(smsc.binds) == 2, 30)
        with pytest.raises(ConnectionError):
            await talking


async def test_a_name_that_dns_is_silent_about_leaves_threads_for_others(monkeypatch):
    """A silent DNS server holds a look-up for up to half a minute; a process has five threads on one core."""
    asked, answer = [], threading.Event()

    def silent(host, *_args, **_more):
        asked.append(host)
        answer.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        for _ in range(40):  # more than the threads of any machine
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await binds._socket("smsc.example", 2775)
        async with asyncio.timeout(20):
            await asyncio.to_thread(lambda: None)  # as the name of another platform is looked up
        assert asked == ["smsc.example"]
        answer.set()
        with pytest.raises(socket.gaierror):
            await binds._socket("smsc.example", 2775)
    finally:
        answer.set()
