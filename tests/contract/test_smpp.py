"""One hand-over is one submit_sm on the wire, and every answer is one of the outcomes (docs/delivery.md §3)."""

from __future__ import annotations

import asyncio
import time

import pytest
from tests.contract.smsc import (
    Ear,
    an_smsc,
    bound,
    drop,
    hang,
    hang_first,
    message,
    one,
    platform_of,
    refuse,
    take,
)
from tests.outages.certificates import Authority
from tests.support.loops import TIMEOUT_S, put_forward

from disparo.domain.outcome import FailureClass, OutcomeKind
from disparo.platforms.base import boottime_s
from disparo.platforms.guard import Guarded
from disparo.platforms.smpp import pdu, session
from disparo.platforms.smpp.pdu import Command
from disparo.wording.reason_words import reason

pytestmark = pytest.mark.anyio

_QUERY_SM = 0x03


@pytest.fixture
def _patient(monkeypatch):
    """Messages wait for room, or for a bind, however far the clock is put forward."""
    monkeypatch.setattr("disparo.platforms.smpp.platform.CONNECT_TIMEOUT_S", 600.0)


async def test_accepted_with_the_platforms_id_in_small_letters():
    async with an_smsc() as smsc, bound(smsc, source="27182") as platform:
        outcome = await one(platform)
    assert (outcome.kind, outcome.platform_id) == (OutcomeKind.ACCEPTED, "id-1")
    (submitted,) = smsc.submitted
    assert (submitted.source.address, submitted.destination.address) == ("27182", "5511988887700")
    assert (submitted.content, submitted.data_coding, submitted.registered_delivery) == (b"Ola", 0, 1)


async def test_without_a_listener_it_binds_to_send_and_leaves():
    async with an_smsc() as smsc:
        outcome = await one(platform_of(smsc))
        await smsc.until(lambda: smsc.open == 0)
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [unit.command for unit in smsc.binds] == [Command.BIND_TRANSMITTER]
    assert [unit.command for unit in smsc.others] == [Command.UNBIND]


async def test_messages_go_out_together_and_are_told_one_by_one():
    told = []
    async with an_smsc(answer=hang_first) as smsc, bound(smsc) as platform:
        batch = [message(number=number) for number in range(5)]
        sending = asyncio.create_task(
            platform.send(batch, lambda place, outcome: told.append((place, outcome.kind)))
        )
        await smsc.until(lambda: len(told) == 4)
        assert not sending.done()  # four are known, and the fifth keeps none of them waiting
        put_forward(TIMEOUT_S)
        outcomes = await sending
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.AMBIGUOUS] + [OutcomeKind.ACCEPTED] * 4
    assert told == [(place, outcomes[place].kind) for place in (1, 2, 3, 4, 0)]
    assert len(smsc.submitted) == 5


async def test_taken_and_dropped_is_ambiguous_and_written_once():
    async with an_smsc(answer=drop) as smsc, bound(smsc) as platform:
        outcome = await one(platform)
        smsc.answer = take
        await smsc.until(lambda: len(smsc.binds) == 2)  # it comes back, and repeats nothing
        await asyncio.sleep(0.05)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED
    assert outcome.kind is OutcomeKind.AMBIGUOUS
    assert len(smsc.submitted) == 2


async def test_no_answer_in_time_is_ambiguous_and_gives_the_place_back():
    async with an_smsc(answer=hang) as smsc, bound(smsc, bind_window=1) as platform:
        sending = asyncio.create_task(one(platform))
        await smsc.until(lambda: smsc.submitted)
        put_forward(TIMEOUT_S)
        assert (await sending).kind is OutcomeKind.AMBIGUOUS
        smsc.answer = take
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED


@pytest.mark.parametrize(
    ("status", "kind", "failure", "code"),
    [
        (0x0B, OutcomeKind.REFUSED, FailureClass.NUMBER, "ESME_RINVDSTADR"),
        (0x58, OutcomeKind.NOT_TAKEN, FailureClass.THROTTLE, "ESME_RTHROTTLED"),
        (0x14, OutcomeKind.NOT_TAKEN, FailureClass.THROTTLE, "ESME_RMSGQFUL"),
        (0x08, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN, "ESME_RSYSERR"),
        (0x0A, OutcomeKind.NOT_TAKEN, FailureClass.UNKNOWN, "ESME_RINVSRCADR"),
        (0x0401, OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN, "0x00000401"),
        (0x0402, OutcomeKind.NOT_TAKEN, FailureClass.CREDIT, "0x00000402"),
    ],
)
async def test_what_a_status_means(status, kind, failure, code):
    async with an_smsc(answer=refuse(status)) as smsc, bound(smsc, codes={"0x402": "credit"}) as platform:
        outcome = await one(platform)
    assert (outcome.kind, outcome.failure, outcome.code) == (kind, failure, code)


async def test_a_nack_is_an_answer_even_when_it_names_no_fault():
    async def nack(_smsc, writer, unit):
        writer.write(pdu.pack(Command.GENERIC_NACK, unit.sequence))

    async with an_smsc(answer=nack) as smsc, bound(smsc) as platform:
        assert (await one(platform)).kind is OutcomeKind.AMBIGUOUS


async def test_past_its_deadline_nothing_is_written():
    async with an_smsc() as smsc, bound(smsc) as platform:
        late, good = message(deadline_s=boottime_s() - 1), message(number=1)
        outcomes = await platform.send([late, good])
        long = await platform.send([message("x" * 400, deadline_s=boottime_s() - 1)])
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.NOT_STARTED, OutcomeKind.ACCEPTED]
    assert long[0].kind is OutcomeKind.NOT_STARTED
    assert len(smsc.submitted) == 1


@pytest.mark.parametrize(
    ("status", "failure"),
    [(0x0E, FailureClass.AUTH), (0x0D, FailureClass.AUTH), (0x05, FailureClass.NETWORK)],
)
async def test_a_refused_bind_takes_nothing(status, failure):
    async with an_smsc(bind_status=status) as smsc, bound(smsc) as platform:
        await asyncio.sleep(0.05)
        outcome = await one(platform)
        health = await platform.health()
        once = await one(platform_of(smsc))
    assert (outcome.kind, outcome.failure) == (OutcomeKind.NOT_TAKEN, failure) == (once.kind, once.failure)
    assert (health.is_well, health.failure) == (False, failure)
    assert smsc.submitted == []


async def test_nobody_there_takes_nothing():
    async with an_smsc() as smsc:
        pass
    for host in ("127.0.0.1", "no-such-host.invalid", "x..y", "x" * 70):
        assert (await one(platform_of(smsc, host=host))).kind is OutcomeKind.NOT_TAKEN
    kept = platform_of(smsc)
    kept.listen(Ear())
    outcome = await one(kept)
    await kept.close()
    assert (outcome.kind, outcome.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.NETWORK)


async def test_metadata_addresses_are_never_called():
    async with an_smsc() as smsc:
        outcome = await one(platform_of(smsc, host="169.254.169.254"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.NOT_TAKEN, "ForbiddenAddress")


@pytest.mark.usefixtures("_patient")
async def test_no_more_than_the_window_is_in_flight_on_each_bind():
    async with an_smsc(answer=hang) as smsc, bound(smsc, binds=2, bind_window=3) as platform:
        sending = asyncio.create_task(platform.send([message(number=number) for number in range(10)]))
        await smsc.until(lambda: len(smsc.submitted) >= 6)
        await asyncio.sleep(0.2)
        assert len(smsc.submitted) == 6
        smsc.answer = take
        put_forward(TIMEOUT_S)
        outcomes = await sending
    kinds = [outcome.kind for outcome in outcomes]
    assert kinds == [OutcomeKind.AMBIGUOUS] * 6 + [OutcomeKind.ACCEPTED] * 4
    assert len(smsc.submitted) == 10


async def test_each_bind_has_its_share():
    used = []

    async def note(smsc, writer, unit):
        used.append(smsc.writers.index(writer))
        await take(smsc, writer, unit)

    async with an_smsc(answer=note) as smsc, bound(smsc, binds=3) as platform:
        await smsc.until(lambda: len(platform._binds._sessions) == 3)
        for number in range(9):  # one after the other: every bind is free each time
            await platform.send([message(number=number)])
    assert [used.count(place) for place in range(3)] == [3, 3, 3]


async def test_a_long_text_goes_in_parts_and_the_last_ones_id_is_the_messages():
    async with an_smsc() as smsc, bound(smsc) as platform:
        outcome = await one(platform, "0123456789" * 31)
    assert (outcome.kind, outcome.platform_id, outcome.segments) == (OutcomeKind.ACCEPTED, "id-3", 3)
    assert [each.esm_class for each in smsc.submitted] == [0x40] * 3
    headers = [each.content[:6] for each in smsc.submitted]
    assert [header[4:] for header in headers] == [b"\x03\x01", b"\x03\x02", b"\x03\x03"]
    assert len({header[:4] for header in headers}) == 1
    assert b"".join(each.content[6:] for each in smsc.submitted) == b"0123456789" * 31
    assert [each.registered_delivery for each in smsc.submitted] == [0, 0, 1]


async def test_nothing_follows_a_first_part_that_is_refused():
    async with an_smsc(answer=refuse(0x0B)) as smsc, bound(smsc) as platform:
        outcome = await one(platform, "x" * 400)
    assert (outcome.kind, outcome.failure) == (OutcomeKind.REFUSED, FailureClass.NUMBER)
    assert len(smsc.submitted) == 1


async def test_a_later_part_that_was_not_taken_is_tried_again():
    async def second_is_throttled(smsc, writer, unit):
        await (refuse(0x58) if len(smsc.submitted) == 2 else take)(smsc, writer, unit)

    async with an_smsc(answer=second_is_throttled) as smsc, bound(smsc) as platform:
        outcome = await one(platform, "x" * 300)
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [each.content[5] for each in smsc.submitted] == [1, 2, 2]


async def test_half_a_message_is_ambiguous():
    async def second_is_refused(smsc, writer, unit):
        await (take if len(smsc.submitted) == 1 else refuse(0x0B))(smsc, writer, unit)

    async with an_smsc(answer=second_is_refused) as smsc, bound(smsc) as platform:
        outcome = await one(platform, "x" * 300)
    assert (outcome.kind, outcome.code) == (OutcomeKind.AMBIGUOUS, "ESME_RINVDSTADR, part 2")


async def test_a_long_text_can_go_as_payload():
    async with an_smsc() as smsc, bound(smsc, long_texts="payload") as platform:
        outcome = await one(platform, "y" * 400)
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert [(each.content, each.esm_class) for each in smsc.submitted] == [(b"y" * 400, 0)]


async def test_nonsense_cuts_the_connection_and_it_comes_back():
    async with an_smsc() as smsc, bound(smsc) as platform:
        smsc.writers[0].write(b"\xff" * 32)
        await smsc.until(lambda: len(smsc.binds) == 2)
        await asyncio.sleep(0.05)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED


async def test_an_smsc_that_leaves_is_answered_and_bound_to_again():
    async with an_smsc() as smsc, bound(smsc) as platform:
        smsc.writers[0].write(pdu.pack(Command.UNBIND, 9) + pdu.pack(Command.ENQUIRE_LINK, 10))
        await smsc.until(lambda: len(smsc.binds) == 2)
        await asyncio.sleep(0.05)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED
    assert [(unit.command, unit.sequence) for unit in smsc.others[:2]] == [
        (Command.UNBIND | pdu.ANSWER, 9),
        (Command.ENQUIRE_LINK | pdu.ANSWER, 10),
    ]


async def test_an_smsc_that_leaves_is_left_when_all_is_answered(monkeypatch):
    monkeypatch.setattr(session, "_FAREWELL_S", 600.0)
    async with an_smsc(answer=hang) as smsc, bound(smsc) as platform:
        sending = asyncio.create_task(one(platform))
        await smsc.until(lambda: smsc.submitted)
        writer = smsc.writers[0]
        writer.write(pdu.pack(Command.UNBIND, 9))
        await smsc.until(lambda: smsc.others)
        writer.write(pdu.pack(Command.SUBMIT_SM | pdu.ANSWER, 2, b"ID-9\0"))
        assert (await sending).platform_id == "id-9"
        await smsc.until(lambda: len(smsc.binds) == 2)


@pytest.mark.usefixtures("_patient")
async def test_nothing_more_is_written_to_one_that_fell_silent_until_it_answers():
    async with an_smsc(answer=hang) as smsc, bound(smsc) as platform:
        smsc.is_mute = True
        sending = asyncio.create_task(one(platform))
        await smsc.until(lambda: smsc.submitted)
        put_forward(TIMEOUT_S)
        assert (await sending).kind is OutcomeKind.AMBIGUOUS
        waiting = asyncio.create_task(one(platform))
        await smsc.until(lambda: smsc.others)  # it is asked whether it is there
        await asyncio.sleep(0.1)
        assert len(smsc.submitted) == 1
        smsc.answer, smsc.is_mute = take, False
        put_forward(TIMEOUT_S)
        assert (await waiting).kind is OutcomeKind.ACCEPTED  # over a new bind


async def test_a_send_that_is_given_up_takes_no_place_for_ever():
    async with an_smsc(answer=hang) as smsc, bound(smsc, bind_window=2) as platform:
        for count in (1, 2):
            sending = asyncio.create_task(one(platform))
            await smsc.until(lambda count=count: len(smsc.submitted) == count)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        put_forward(TIMEOUT_S)
        smsc.answer = take
        outcomes = await platform.send([message(number=number) for number in range(2)])
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.ACCEPTED] * 2


async def test_one_that_hangs_up_after_each_bind_is_asked_less_and_less():
    async with an_smsc() as smsc:

        async def until_it_has_bound_again(times):
            await smsc.until(lambda: len(smsc.binds) > times)
            smsc.writers[-1].transport.abort()

        async with bound(smsc):
            began = time.monotonic()
            for times in range(3):
                await until_it_has_bound_again(times)
            took = time.monotonic() - began
    assert took > 0.5 + 1 - 0.1  # at least


async def test_tls_is_checked_against_the_name(tmp_path):
    authority = Authority(tmp_path, "propria")
    async with an_smsc(context=authority.context("localhost")) as smsc:
        trusted = {"tls": True, "ca_file": str(authority.file)}
        good = await one(platform_of(smsc, **trusted, host="localhost"))
        unknown = await one(platform_of(smsc, tls=True, host="localhost"))
        wrong_name = await one(platform_of(smsc, **trusted, host="127.0.0.1"))
    assert good.kind is OutcomeKind.ACCEPTED
    for outcome in (unknown, wrong_name):
        assert (outcome.kind, outcome.code) == (OutcomeKind.NOT_TAKEN, "SSLCertVerificationError")
    assert len(smsc.submitted) == 1


async def test_an_unknown_operation_gets_a_nack():
    async with an_smsc() as smsc, bound(smsc):
        smsc.writers[0].write(pdu.pack(_QUERY_SM, 5))
        await smsc.until(lambda: smsc.others)
    assert (smsc.others[0].command, smsc.others[0].status) == (Command.GENERIC_NACK, 3)


async def test_a_silent_connection_is_cut_and_opened_again():
    async with an_smsc() as smsc, bound(smsc, enquire_every_s=1):
        await smsc.until(lambda: len(smsc.others) == 2)
        assert len(smsc.binds) == 1  # its pulse is answered
        smsc.is_mute = True
        await smsc.until(lambda: len(smsc.others) == 3)
        put_forward(TIMEOUT_S)
        await smsc.until(lambda: len(smsc.binds) == 2)


async def test_health_is_asked_over_the_bind_and_none_is_opened_for_it():
    async with an_smsc() as smsc:
        async with bound(smsc) as platform:
            assert (await platform.health()).is_well
        assert await platform_of(smsc).health() is None
    assert len(smsc.binds) == 1
    assert smsc.submitted == []


async def test_both_sides_of_a_test_are_shown_without_the_password():
    async with an_smsc() as smsc:
        outcome, exchange = await platform_of(smsc).exchange(message("Teste @ R$ 1"))
    assert outcome.kind is OutcomeKind.ACCEPTED
    assert "segredo" not in exchange.request + exchange.response
    assert "Teste @ R$ 1" in exchange.request
    assert exchange.response == "ESME_ROK id-1"


async def test_the_guard_keeps_back_all_but_test_numbers():
    async with an_smsc() as smsc, bound(smsc) as platform:
        guarded = Guarded(platform, test_numbers=frozenset({message(number=1).e164}))
        outcomes = await guarded.send([message(number=0), message(number=1)])
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REFUSED, OutcomeKind.ACCEPTED]
    assert reason(outcomes[0].failure) == "o envio real está desligado: só os números de teste recebem"
    assert [each.destination.address for each in smsc.submitted] == ["5511988887701"]
