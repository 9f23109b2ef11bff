"""Receipts that nobody brings are asked for, each by one process, at the platform's pace; and credit."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.contract.conftest import Peer, http, listening
from tests.contract.generic import take_and_drop
from tests.integration.dispatch.test_receipts import handed_over
from tests.support import rows
from tests.support.hands import a_handover
from tests.support.serving import answering_nobody

from disparo.db import alerts
from disparo.dispatch import polling, reconcile
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.receipts import apply_waiting
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

POLL = {
    "path": "/{id}",
    "after_s": 600,
    "answer": {"id": "id", "status": "st", "statuses": {"OK": "delivered", "BAD": "undelivered"}},
}


@pytest.fixture
async def peer():
    async with listening(Peer(http(200, '{"id": "id-1", "st": "OK"}'))) as peer:
        yield peer


def platform(peer, **table):
    return GenericHttp("p", read_table("p", {"url": peer.url, **table}))


async def poll(pool, peer, **rules):
    able = platform(peer, poll={**POLL, **rules})
    try:
        return await polling.poll_receipts(pool, {"p": able})
    finally:
        await able.close()


async def age(connection, minutes):
    await connection.execute(
        "UPDATE attempts SET started_at = started_at - make_interval(mins => $1)", minutes
    )


async def test_a_missing_receipt_is_asked_for_and_settles_the_message(pool, connection, peer):
    id_ = await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await age(connection, 11)
    assert await poll(pool, peer) == 1
    assert peer.requests[0].startswith(b"GET /sms/id-1 ")
    await apply_waiting(pool)
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    assert await poll(pool, peer) == 0
    assert len(peer.requests) == 1


async def test_who_is_asked_by_its_own_number_alone_wastes_no_question_on_what_has_none(
    pool, connection, peer
):
    await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await rows.add_messages(connection, 3, first_id=100)
    await connection.execute(
        """UPDATE messages SET status = 'uncertain', actor = 'test', platform = 'p',
                  changed_at = now() - interval '1 hour' WHERE invoice_id >= 100"""
    )
    await age(connection, 11)
    able = platform(peer, poll={**POLL, "every_s": 1000})
    await reconcile.ask_platforms(pool, {"p": able}, round_s=1.0)
    assert await polling.poll_receipts(pool, {"p": able}, round_s=1.0) == 1
    await able.close()


async def test_nobody_is_asked_before_it_is_time(pool, connection, peer):
    await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await age(connection, 5)
    assert await poll(pool, peer) == 0
    assert peer.requests == []
    await age(connection, 6)
    assert await poll(pool, peer) == 1


async def test_what_has_its_receipt_is_not_asked_for(pool, connection, peer):
    await handed_over(connection)
    await age(connection, 11)
    await connection.execute("UPDATE messages SET status = 'delivered'")
    assert await poll(pool, peer) == 0
    assert peer.requests == []


@pytest.mark.parametrize("status", ["sending", "uncertain"])
async def test_what_was_settled_late_is_asked_for_too(pool, connection, peer, status):
    id_ = await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await age(connection, 11)
    await connection.execute("UPDATE messages SET status = $1", status)
    peer.answer = http(404, "{}")
    assert await poll(pool, peer) == 0
    await connection.execute("UPDATE messages SET status = 'accepted'")
    await connection.execute("UPDATE receipt_polls SET next_at = now()")
    peer.answer = http(200, '{"id": "id-1", "st": "OK"}')
    assert await poll(pool, peer) == 1
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_not_known_is_asked_again_ever_later_and_not_for_ever(pool, connection, peer):
    peer.answer = http(404, "{}")
    await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await age(connection, 11)
    for asked in range(1, 9):
        await poll(pool, peer)
        assert len(peer.requests) == asked
        waits_s = await connection.fetchval("SELECT extract(epoch FROM next_at - now()) FROM receipt_polls")
        assert waits_s == pytest.approx(600 * 2 ** (asked - 1), abs=30)
        await connection.execute("UPDATE receipt_polls SET next_at = now()")
    await poll(pool, peer)
    assert len(peer.requests) == 8
    assert await connection.fetchval("SELECT count(*) FROM receipt_polls") == 0


@pytest.mark.parametrize("away", [http(503, "{}"), http(429, "{}"), http(401, "{}"), take_and_drop])
async def test_an_outage_of_the_platform_uses_up_no_question(pool, connection, peer, away):
    id_ = await handed_over(connection)
    await connection.execute("UPDATE attempts SET platform_id = 'id-1'")
    await age(connection, 11)
    answer, peer.answer = peer.answer, away
    for _ in range(10):
        await poll(pool, peer)
        waits_s = await connection.fetchval("SELECT extract(epoch FROM next_at - now()) FROM receipt_polls")
        assert 590 < waits_s <= 3600  # asked again politely, and soon once the platform is there again
        await age(connection, 120)
        await connection.execute("UPDATE receipt_polls SET next_at = now()")
    assert len(peer.requests) == 10
    peer.answer = answer
    assert await poll(pool, peer) == 1
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_a_platform_that_is_away_is_not_asked_about_all_that_waits(pool, connection, peer):
    await accepted(connection, 30)
    answer, peer.answer = peer.answer, http(429, "{}")
    await poll(pool, peer)
    assert len(peer.requests) == 5
    peer.answer = answer
    await poll(pool, peer)
    assert len(peer.requests) == 30


async def test_what_got_no_answer_is_not_asked_about_for_ever(pool, connection, peer):
    await accepted(connection, 1)
    peer.answer = http(503, "{}")
    await poll(pool, peer)
    await age(connection, 72 * 60)
    await connection.execute("UPDATE receipt_polls SET next_at = now()")
    await poll(pool, peer)
    assert len(peer.requests) == 1
    assert await connection.fetchval("SELECT count(*) FROM receipt_polls") == 0


async def accepted(connection, count):
    """Add messages that platform `p` took eleven minutes ago; gives their ids."""
    ids = await rows.add_messages(connection, count)
    await connection.execute(
        """WITH made AS (
               INSERT INTO attempts (message_id, platform, worker_id, started_at, outcome, platform_id)
               SELECT id, 'p', gen_random_uuid(), now() - interval '11 minutes', 'accepted', 'id-' || id
               FROM messages WHERE id = ANY($1) RETURNING id, message_id)
           UPDATE messages m SET status = 'accepted', attempt_id = made.id, platform = 'p'
           FROM made WHERE made.message_id = m.id""",
        ids,
    )
    return ids


async def test_what_has_its_receipt_by_now_does_not_keep_others_from_being_asked_about(
    pool, connection, peer
):
    settled = await accepted(connection, 1500)
    peer.answer = http(404, "{}")
    await connection.execute("UPDATE messages SET status = 'delivered' WHERE id = ANY($1)", settled)
    await connection.execute(
        """INSERT INTO receipt_polls (attempt_id, message_id, platform, next_at, asked)
           SELECT attempt_id, id, 'p', now() - interval '1 hour', 1 FROM messages"""
    )
    await accepted(connection, 10)
    await poll(pool, peer)
    assert len(peer.requests) == 10
    assert await connection.fetchval("SELECT count(*) FROM receipt_polls") == 10


async def test_two_processes_share_the_questions_and_the_pace(pool, connection, peer):
    await accepted(connection, 4)
    peer.answer = http(404, "{}")
    began = time.monotonic()
    await asyncio.gather(poll(pool, peer, every_s=0.3), poll(pool, peer, every_s=0.3))
    assert time.monotonic() - began > 3 * 0.3 - 0.05  # as one alone would take, at least
    asked = [request.split(b" ")[1] for request in peer.requests]
    assert len(asked) == len(set(asked)) == 4


async def test_a_platform_that_needs_no_asking_costs_nothing(pool, connection, peer):
    await handed_over(connection)
    await age(connection, 11)
    able = platform(peer)
    assert await polling.poll_receipts(pool, {"p": able}) == 0
    assert await connection.fetchval("SELECT attempt_id FROM receipt_poll_mark") == 0


@pytest.mark.parametrize(
    ("left", "is_low"), [("50,35", True), ("1.250,00", False), ("100", False), ("99.99", True), ("0", True)]
)
async def test_low_credit_is_told(peer, left, is_low):
    peer.answer = http(200, f'{{"left": "{left}"}}')
    able = platform(peer, balance={"url": "balance", "answer": "left", "low": 100})
    (credit,) = await polling.read_credit({"p": able, "silent": platform(peer)})
    await able.close()
    assert (credit.platform, credit.is_low) == ("p", is_low)
    assert peer.requests[0].startswith(b"GET /balance ")


@pytest.mark.parametrize(
    ("answer", "well", "failure"),
    [
        (http(200, '{"left": 3}'), True, None),
        (http(401, "{}"), False, "auth"),
        (http(200, "<html>"), False, "unknown"),
        (http(503, "{}"), False, "unknown"),
    ],
)
async def test_health_is_whether_it_answers_and_knows_us(peer, answer, well, failure):
    peer.answer = answer
    able = platform(peer, balance={"url": "balance", "answer": "left"})
    health = (await polling.read_health({"p": able}))["p"]
    await able.close()
    assert (health.is_well, health.failure) == (well, failure)


@pytest.mark.parametrize(
    ("answer", "kinds"), [(http(429, "{}"), []), (http(503, "{}"), ["platform_unreachable"])]
)
async def test_who_was_asked_too_often_by_all_workers_is_there_and_nobody_is_woken(
    pool, connection, peer, answer, kinds
):
    peer.answer = answer
    able = platform(peer, balance={"url": "balance", "answer": "left"})
    await Alarms(pool, zone=ZoneInfo("UTC")).look({"p": able})
    await able.close()
    assert [row["kind"] for row in await alerts.live(connection)] == kinds


async def test_a_platform_that_is_gone_is_not_well(peer):
    able = GenericHttp("p", read_table("p", {"url": "http://127.0.0.1:1/", "health": {"url": "/ping"}}))
    health = (await polling.read_health({"p": able}))["p"]
    await able.close()
    assert (health.is_well, health.failure) == (False, "network")


@pytest.mark.parametrize(
    ("minutes", "well"), [([5], True), ([90], False), ([90, 5], True), ([], True), (["ontem"], True)]
)
async def test_a_phone_that_was_not_seen_for_an_hour_is_not_well(peer, minutes, well):
    def moment(ago):
        return ago if isinstance(ago, str) else (datetime.now(UTC) - timedelta(minutes=ago)).isoformat()

    peer.answer = http(200, json.dumps([{"id": "x", "lastSeen": moment(ago)} for ago in minutes]))
    fill = {"secrets": {"usuario": "u", "senha": "s"}, "receipts": {"hmac_key": "k"}}
    phone = platform(peer, type="android_sms_gateway", **fill)
    health = (await polling.read_health({"p": phone}))["p"]
    await phone.close()
    assert health.is_well is well
    assert peer.requests[0].startswith(b"GET /devices ")


async def test_a_platform_whose_settings_change_while_it_is_asked_uses_up_no_further_question(
    pool, connection
):
    for number in range(5):
        await handed_over(connection, f"id-{number}")
    await connection.execute("UPDATE attempts SET platform_id = 'id-' || id")
    await age(connection, 11)
    async with (
        answering_nobody() as (url, asked),
        a_handover(pool, connection) as handover,
        asyncio.timeout(30),
    ):
        fleet = handover.fleet
        fleet.use({"p": GenericHttp("p", read_table("p", {"url": url, "poll": POLL}))})
        polls = asyncio.create_task(polling.poll_receipts(pool, fleet.platforms, is_used=fleet.uses))
        await asked.wait()
        fleet.use({})
        assert await polls == 0
    # Nor that one: it was not answered, since we hung up.
    assert await connection.fetchval("SELECT array_agg(asked) FROM receipt_polls") == [0] * 5
