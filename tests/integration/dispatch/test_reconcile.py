"""What settles an uncertain or a held message: a receipt, the platform's own word, a person."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.support import rows
from tests.support.locks import until_somebody_waits

from disparo.db import messages, unsettled
from disparo.db.messages import Start
from disparo.dispatch import receipts, reconcile, takeover
from disparo.domain.outcome import ReceiptEvent, ReceiptKind
from disparo.platforms.base import Answered, Capabilities

pytestmark = pytest.mark.anyio


class Platform:
    """A platform that can be asked; `knows` by reference."""

    name = "p"

    def __init__(self, *, every_s=0.0, takes_s=0.0, **knows):
        self.knows = knows
        self.asked = []
        self.takes_s = takes_s
        self.capabilities = Capabilities(can_be_asked=True, ask_every_s=every_s)

    async def ask(self, reference):
        self.asked.append(reference)
        await asyncio.sleep(self.takes_s)
        kind = self.knows.get(reference)
        return None if kind is None else Answered(ReceiptEvent(kind, None, reference), "raw")


@pytest.fixture
async def uncertain(connection):
    """Three messages that died in a worker's hands, ten minutes ago."""
    ids = await rows.add_messages(connection, 3)
    worker, token = await rows.add_worker(connection), uuid4()
    chunk = await rows.chunk_of(connection, ids[0])
    await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
    starts = [Start(number, token, "texto", 1) for number in ids]
    await messages.start(connection, starts, platform="p", worker_id=worker)
    async with connection.transaction():
        await takeover.take_over(connection, worker, beat=0)
    assert await rows.statuses(connection, ids) == ["uncertain"] * 3
    await connection.execute("UPDATE messages SET changed_at = changed_at - interval '11 minutes'")
    return ids


async def reference(connection, message):
    return await connection.fetchval("SELECT reference FROM messages WHERE id = $1", message)


async def test_an_answer_that_the_database_refuses_keeps_it_from_no_other(pool, connection, uncertain):
    refused, *others = [await reference(connection, message) for message in uncertain]
    await rows.refuse(connection, "receipts", f"new.reference = '{refused}'")
    platform = Platform(**dict.fromkeys([refused, *others], ReceiptKind.DELIVERED))
    assert await reconcile.ask_platforms(pool, {"p": platform}) == 2
    assert await rows.statuses(connection, uncertain) == ["uncertain", "delivered", "delivered"]


async def test_a_platform_that_can_be_asked_settles_what_it_knows_and_only_that(pool, connection, uncertain):
    knows = {
        await reference(connection, uncertain[0]): ReceiptKind.DELIVERED,
        await reference(connection, uncertain[1]): ReceiptKind.UNDELIVERED,
    }
    platform = Platform(**knows)
    assert await reconcile.ask_platforms(pool, {"p": platform}) == 2
    assert len(platform.asked) == 3
    await receipts.apply_waiting(pool)
    assert await rows.statuses(connection, uncertain) == ["delivered", "undelivered", "uncertain"]


async def test_nobody_is_asked_about_what_has_just_happened(pool, connection, uncertain):
    await connection.execute("UPDATE messages SET changed_at = now()")
    platform = Platform()
    await reconcile.ask_platforms(pool, {"p": platform})
    assert platform.asked == []


async def test_a_platform_is_asked_no_faster_than_it_wants(pool, uncertain):
    platform = Platform(every_s=1000.0)
    await reconcile.ask_platforms(pool, {"p": platform})
    await reconcile.ask_platforms(pool, {"p": platform})
    assert len(platform.asked) == 1


async def test_a_platform_that_is_slow_to_answer_holds_up_the_rest_for_one_question_at_most(pool, uncertain):
    platform = Platform(takes_s=0.05)
    await reconcile.ask_platforms(pool, {"p": platform}, round_s=0.01)
    assert len(platform.asked) == 1


async def test_a_resend_by_hand_waits_until_nobody_can_still_be_writing(connection, uncertain):
    with pytest.raises(reconcile.TooSoon):
        await reconcile.resend(connection, uncertain, actor="ana")
    assert await rows.statuses(connection, uncertain) == ["uncertain"] * 3
    await connection.execute("UPDATE attempts SET started_at = started_at - interval '11 minutes'")
    before = [await reference(connection, number) for number in uncertain]
    assert sorted(await reconcile.resend(connection, uncertain, actor="ana")) == uncertain
    assert await rows.statuses(connection, uncertain) == ["queued"] * 3
    assert [await reference(connection, number) for number in uncertain] == before
    events = await connection.fetch(
        "SELECT actor FROM message_events WHERE to_status = 'queued' AND reason = 'resent'"
    )
    assert [event["actor"] for event in events] == ["ana"] * 3


async def test_given_as_sent_in_bulk_by_platform_and_period(connection, uncertain):
    assert await unsettled.list_uncertain(connection, platform="another") == []
    found = await unsettled.list_uncertain(connection, platform="p")
    assert [row["id"] for row in found] == uncertain
    settled = await reconcile.give_as_sent(connection, [row["id"] for row in found], actor="ana")
    assert sorted(settled) == uncertain
    assert await rows.statuses(connection, uncertain) == ["accepted"] * 3
    assert await reconcile.give_as_sent(connection, uncertain, actor="ana") == []


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        ("refused", {"failure": "number", "code": "7"}, "number"),
        ("not_taken", {"failure": "network"}, "network"),
        ("not_started", {}, "not_started"),
    ],
)
async def test_one_given_as_sent_has_failed_where_its_only_start_turns_out_to_have_had_no_effect(
    connection, uncertain, kind, said, reason
):
    """Its worker was only frozen, or its platform slow to answer."""
    given, again, taken = uncertain
    await connection.execute(
        "UPDATE messages SET tries = 2 WHERE id = $1", again
    )  # the first one may have left
    await reconcile.give_as_sent(connection, uncertain, actor="ana")
    attempts = dict(await connection.fetch("SELECT message_id, id FROM attempts"))
    told = rows.outcome(taken, attempts[taken], platform_id="id-1")
    await messages.record(connection, [told], chunk_id=99)
    late = [rows.outcome(id_, attempts[id_], kind, **said) for id_ in uncertain]
    await messages.record(connection, late, chunk_id=99)
    assert await rows.statuses(connection, uncertain) == ["failed", "accepted", "accepted"]
    events = await connection.fetch(
        "SELECT to_status, reason, actor FROM message_events WHERE message_id = $1 ORDER BY id", given
    )
    assert [tuple(event) for event in events[-2:]] == [
        ("accepted", "given_as_sent", "ana"),
        ("failed", reason, "platform:p"),
    ]


async def test_held_messages_are_shown_and_released(connection):
    ids = await rows.add_messages(connection, 2)
    await unsettled.hold_waiting(connection, reason="poison")
    assert [row["id"] for row in await unsettled.list_held(connection, limit=10)] == ids
    assert await reconcile.release_held(connection, ids[:1], actor="ana") == ids[:1]
    assert await rows.statuses(connection, ids) == ["queued", "held"]


async def test_two_who_send_again_at_once_send_it_once_even_if_it_is_uncertain_again_by_then(
    pool, connection, uncertain
):
    """The second one looked before the first one's hand-over began, and comes after it."""
    await connection.execute("UPDATE attempts SET started_at = started_at - interval '11 minutes'")

    async def second():
        async with pool.acquire() as other, other.transaction():
            return await reconcile.resend(other, uncertain, actor="bia")

    async with connection.transaction():
        await reconcile.resend(connection, uncertain[:1], actor="ana")
        resending = asyncio.create_task(second())
        await until_somebody_waits(connection)
        worker, token = await rows.add_worker(connection), uuid4()
        chunk = await rows.chunk_of(connection, uncertain[0])
        await messages.claim(connection, worker, token=token, chunk_id=chunk, limit=500)
        starts = [Start(uncertain[0], token, "texto", 1)]
        await messages.start(connection, starts, platform="p", worker_id=worker)
        await takeover.take_over(connection, worker, beat=0)
    assert await resending == uncertain[1:]
    assert await rows.statuses(connection, uncertain) == ["uncertain", "queued", "queued"]
