"""Receipts: repeated, late, early, out of order, unknown; each has a defined answer (docs/delivery.md §7)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.integration.dispatch.test_fence import claimed, start
from tests.support import rows
from tests.support.locks import until_somebody_waits
from tests.support.rows import outcome

from disparo.db import erasure, messages, receipts
from disparo.db.receipts import Told
from disparo.dispatch import reconcile
from disparo.dispatch.receipts import apply_waiting, give_up_unmatched, take, take_one
from disparo.domain.message import Event
from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind

pytestmark = pytest.mark.anyio


async def handed_over(connection, platform_id="id-1", **message):
    worker, token, ids = await claimed(connection, **message)
    attempts = await start(connection, worker, token, ids)
    result = outcome(ids[0], attempts[ids[0]], platform_id=platform_id)
    await messages.record(connection, [result], chunk_id=99)
    return ids[0]


def told(kind, platform_id="id-1", platform="p", **changes):
    return Told(platform, ReceiptEvent(ReceiptKind(kind), platform_id=platform_id, **changes), "raw")


async def say(pool, kind, *args, **changes):
    """Hear a receipt as the webhook does; tells whether it is new."""
    return await take_one(pool, told(kind, *args, **changes))


async def keep(connection, kind, *args, **changes):
    """Store a receipt that could not be applied."""
    return await receipts.store(connection, [told(kind, *args, **changes)])


@pytest.mark.parametrize("kind", ["sent", "delivered", "undelivered"])
async def test_a_receipt_moves_its_message_and_is_written_once(pool, connection, kind):
    id_ = await handed_over(connection)
    assert await say(pool, kind)
    assert await rows.statuses(connection, [id_]) == [kind]
    row = await connection.fetchrow("SELECT * FROM receipts")
    assert (row["attempt_id"] is None, row["result"], row["raw"]) == (False, "moved", "raw")
    # Never updated: this version of the row is still in the very place where the first one went.
    assert await connection.fetchval("SELECT ctid::text FROM receipts") == "(0,1)"


@pytest.mark.parametrize("is_stored_first", [False, True])
async def test_one_of_an_erased_customer_brings_nothing_of_them_back(pool, connection, is_stored_first):
    """Platforms name the number in it, and some repeat the text."""
    id_ = await handed_over(connection)
    async with connection.transaction():
        await erasure.erase(connection, 1)
    if is_stored_first:
        await keep(connection, "delivered")
        await apply_waiting(pool)
    else:
        await say(pool, "delivered")
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    row = await connection.fetchrow("SELECT result, raw FROM receipts")
    assert tuple(row) == ("moved", "")
    assert not await say(pool, "delivered")


@pytest.mark.parametrize(
    ("kind", "reason"), [("sent", None), ("delivered", None), ("undelivered", "NO_ERROR")]
)
async def test_the_code_of_what_went_well_is_no_reason(pool, connection, kind, reason):
    """Some platforms say "0", "NO_ERROR" or "ACK/" of what arrived."""
    id_ = await handed_over(connection)
    await say(pool, kind, code="NO_ERROR")
    assert await connection.fetchval("SELECT reason FROM messages WHERE id = $1", id_) == reason
    assert await connection.fetchval("SELECT code FROM receipts") == "NO_ERROR"


@pytest.mark.parametrize("kind", ["sent", "delivered", "undelivered"])
async def test_one_that_could_only_be_stored_is_applied_by_the_sweep(pool, connection, kind):
    id_ = await handed_over(connection)
    await keep(connection, kind)
    assert await apply_waiting(pool) == 1
    assert await apply_waiting(pool) == 0
    assert await rows.statuses(connection, [id_]) == [kind]


async def test_a_repeated_receipt_is_stored_once(pool, connection):
    await handed_over(connection)
    assert await say(pool, "sent")
    assert not await say(pool, "sent")
    assert await keep(connection, "sent") == []


async def test_a_receipt_twice_in_one_call_is_one(pool, connection):
    await handed_over(connection)
    async with connection.transaction():
        taken = await take(connection, [told("sent"), told("delivered"), told("sent")])
    assert (len(taken.new), len(taken.applied)) == (2, 2)


async def test_a_repeated_failure_does_not_fail_what_was_sent_again_since(pool, connection):
    id_ = await handed_over(connection)
    await say(pool, "undelivered")
    await connection.execute("UPDATE messages SET status = 'accepted', actor = 'person' WHERE id = $1", id_)
    assert not await say(pool, "undelivered")
    assert await rows.statuses(connection, [id_]) == ["accepted"]


async def hand_over_again(connection, id_, *, platform_id=None):
    """As after a person's word: from uncertain back to wait, and, with `platform_id`, taken once more."""
    await connection.execute(
        "UPDATE messages SET status = 'queued', due_at = now(), actor = 'person' WHERE id = $1", id_
    )
    if platform_id is None:
        return None
    worker, token = await rows.add_worker(connection), uuid4()
    chunk_id = await rows.chunk_of(connection, id_)
    await messages.claim(connection, worker, token=token, chunk_id=chunk_id, limit=1)
    attempts = await start(connection, worker, token, [id_])
    again = outcome(id_, attempts[id_], platform_id=platform_id)
    return await messages.record(connection, [again], chunk_id=99)


async def test_a_late_failure_does_not_keep_from_going_what_is_to_be_sent_again(pool, connection):
    id_ = await handed_over(connection)
    await hand_over_again(connection, id_)
    assert await say(pool, "undelivered", code="EXPIRED")
    assert await rows.statuses(connection, [id_]) == ["queued"]
    await say(pool, "delivered")  # this is news: nobody needs it twice
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_a_late_failure_is_not_that_of_the_hand_over_after_it(pool, connection):
    id_ = await handed_over(connection)
    await hand_over_again(connection, id_, platform_id="id-2")
    assert await say(pool, "undelivered", "id-1")
    assert await rows.statuses(connection, [id_]) == ["accepted"]
    assert await say(pool, "undelivered", "id-2")
    assert await rows.statuses(connection, [id_]) == ["undelivered"]


async def test_a_late_failure_is_not_that_of_the_next_though_the_first_answer_never_came(pool, connection):
    """Its id is known to nobody; that it is the message's, the reference tells."""
    worker, token, (id_,) = await claimed(connection)
    first = await start(connection, worker, token, [id_])
    lost = outcome(id_, first[id_], kind="ambiguous")
    await messages.record(connection, [lost], chunk_id=99)
    assert await rows.statuses(connection, [id_]) == ["uncertain"]
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", id_)
    await hand_over_again(connection, id_, platform_id="id-2")
    assert await say(pool, "undelivered", "id-1", reference=reference)
    assert await rows.statuses(connection, [id_]) == ["accepted"]
    assert await say(pool, "undelivered", "id-2", reference=reference)
    assert await rows.statuses(connection, [id_]) == ["undelivered"]


async def test_a_failure_that_names_no_id_is_of_the_last_hand_over(pool, connection):
    id_ = await handed_over(connection)
    await hand_over_again(connection, id_, platform_id="id-2")
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", id_)
    assert await say(pool, "undelivered", None, reference=reference)
    assert await rows.statuses(connection, [id_]) == ["undelivered"]


@pytest.mark.parametrize(
    ("first", "platform_id", "status"),
    [
        ("ambiguous", None, "undelivered"),
        ("ambiguous", "id-1", "uncertain"),  # it may be the first one's
        ("not_taken", "id-1", "undelivered"),
    ],
)
async def test_which_of_two_unanswered_hand_overs_a_failure_is_of(
    pool, connection, first, platform_id, status
):
    worker, token, (id_,) = await claimed(connection)
    back = "UPDATE messages SET status = 'claimed', worker_id = $2, claim_token = $3 WHERE id = $1"
    for kind in (first, "ambiguous"):
        await connection.execute(back, id_, worker, token)
        attempts = await start(connection, worker, token, [id_])
        await messages.record(connection, [outcome(id_, attempts[id_], kind=kind)], chunk_id=99)
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", id_)
    assert await say(pool, "undelivered", platform_id, reference=reference)
    assert await rows.statuses(connection, [id_]) == [status]


async def test_the_sweep_writes_nothing_of_receipts_that_are_of_nobodys_messages(pool, connection):
    for number in range(30):
        await say(pool, "delivered", f"theirs-{number}")
    before = await connection.fetch("SELECT ctid::text FROM platform_messages ORDER BY platform_id")
    assert await apply_waiting(pool) == 0
    assert await connection.fetch("SELECT ctid::text FROM platform_messages ORDER BY platform_id") == before


async def test_the_same_receipts_from_both_sides_at_once(pool, connection):
    """Two servers hear the same call: each is stored once, and neither waits for the other for ever."""
    ids = [await handed_over(connection, f"id-{n}") for n in range(20)]
    crowd = [told("delivered", f"id-{n}") for n in range(20)]

    async def hear(order):
        async with pool.acquire() as other, other.transaction():
            return len((await take(other, order)).new)

    heard = await asyncio.gather(*(hear(crowd[::way]) for way in (1, -1, 1, -1)))
    assert sum(heard) == 20
    assert await connection.fetchval("SELECT count(*) FROM receipts") == 20
    assert await rows.statuses(connection, ids) == ["delivered"] * 20


async def test_out_of_order_the_highest_wins(pool, connection):
    id_ = await handed_over(connection)
    await say(pool, "delivered")
    await say(pool, "sent")
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    assert await connection.fetchval("SELECT result FROM receipts ORDER BY id DESC LIMIT 1") == "no_move"


async def test_several_in_one_batch_move_once(pool, connection):
    id_ = await handed_over(connection)
    for kind in ("sent", "delivered"):
        await keep(connection, kind)
    assert await apply_waiting(pool) == 2
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_one_that_the_database_refuses_keeps_no_other_waiting(pool, connection):
    ids = [await handed_over(connection, f"id-{place}") for place in range(3)]
    await rows.refuse(connection, "messages", f"new.id = {ids[1]} AND new.status = 'delivered'")
    for place in range(3):
        await keep(connection, "delivered", f"id-{place}")
    assert await apply_waiting(pool) == 2
    assert await rows.statuses(connection, ids) == ["delivered", "accepted", "delivered"]
    assert await connection.fetchval("SELECT count(*) FROM receipts WHERE applied_at IS NULL") == 1


async def test_an_early_receipt_waits_for_its_outcome(pool, connection):
    assert await say(pool, "delivered")
    assert await connection.fetchval("SELECT applied_at FROM receipts") is None
    id_ = await handed_over(connection)
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_an_early_receipt_is_announced_to_the_recorder(pool, connection):
    await say(pool, "delivered")
    worker, token, ids = await claimed(connection, 2)
    attempts = await start(connection, worker, token, ids)
    for id_, platform_id, early in zip(ids, ("id-1", "id-2"), (True, False), strict=True):
        result = outcome(id_, attempts[id_], platform_id=platform_id)
        (row,) = await messages.record(connection, [result], chunk_id=99)
        assert row["early"] is early


async def test_two_messages_under_one_platform_id_are_both_written_down(connection):
    worker, token, ids = await claimed(connection, 2)
    attempts = await start(connection, worker, token, ids)
    results = [outcome(id_, attempts[id_], platform_id="same") for id_ in ids]
    await messages.record(connection, results, chunk_id=99)
    assert await rows.statuses(connection, ids) == ["accepted", "accepted"]


async def test_by_reference_before_any_outcome(pool, connection):
    worker, token, ids = await claimed(connection)
    await start(connection, worker, token, ids)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(pool, "delivered", platform_id=None, reference=reference)
    assert await rows.statuses(connection, ids) == ["delivered"]


async def test_another_platforms_receipt_touches_nothing(pool, connection):
    id_ = await handed_over(connection)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(pool, "undelivered", platform="other", reference=reference)
    assert await apply_waiting(pool) == 0
    assert await rows.statuses(connection, [id_]) == ["accepted"]


async def test_a_late_receipt_settles_an_uncertain_message(pool, connection):
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], "ambiguous")], chunk_id=99)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(pool, "sent", platform_id=None, reference=reference)
    assert await rows.statuses(connection, ids) == ["sent"]


async def test_the_platforms_id_that_a_late_receipt_names_is_known_from_then_on(pool, connection):
    """The next one may name it alone; and a person asks the platform by it."""
    worker, token, ids = await claimed(connection)
    attempts = await start(connection, worker, token, ids)
    await messages.record(connection, [outcome(ids[0], attempts[ids[0]], "ambiguous")], chunk_id=99)
    reference = await connection.fetchval("SELECT reference FROM messages")
    await say(pool, "sent", reference=reference)
    assert await connection.fetchval("SELECT platform_id FROM messages") == "id-1"
    assert await connection.fetchval("SELECT platform_id FROM attempts") == "id-1"
    await say(pool, "delivered")
    assert await rows.statuses(connection, ids) == ["delivered"]


async def test_a_delivery_against_a_failure_is_called_a_contradiction(pool, connection):
    id_ = await handed_over(connection)
    await say(pool, "undelivered")
    await say(pool, "delivered")
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    assert (
        await connection.fetchval("SELECT result FROM receipts ORDER BY id DESC LIMIT 1") == "contradiction"
    )


async def test_a_number_without_owner_is_marked_and_an_opt_out_suppressed(pool, connection):
    await handed_over(connection)
    await say(pool, "undelivered", failure=FailureClass.NUMBER, code="1")
    await say(pool, "undelivered", failure=FailureClass.OPT_OUT, code="2")
    assert await connection.fetchval("SELECT count(*) FROM bad_numbers") == 1
    assert await connection.fetchval("SELECT count(*) FROM opt_outs") == 1


async def test_an_unknown_receipt_is_kept_three_days(pool, connection):
    await say(pool, "sent", platform_id=uuid4().hex)
    await apply_waiting(pool)
    assert await connection.fetchval("SELECT applied_at FROM receipts") is None
    await connection.execute("UPDATE receipts SET received_at = now() - interval '73 hours'")
    await give_up_unmatched(pool)
    assert await connection.fetchval("SELECT result FROM receipts") == "unmatched"


async def test_keys_of_receipts_follow_the_clock(connection):
    """By the platform's time, else by our reference's; what tells of neither is told apart all the same."""
    days = [datetime(2026, 7, day, tzinfo=UTC) for day in range(1, 9)]
    timed = [told("sent", happened_at=day, reference=uuid4().hex) for day in days]
    named = [told("sent", reference=f"{n:012x}{uuid4().hex[:20]}") for n in range(1, 9)]
    other = [told("sent", reference="fatura-7"), told("sent", reference="x"), told("sent")]
    assert len(await receipts.store(connection, [*timed, *named, *other])) == 19
    stored = await connection.fetch(
        "SELECT digest, happened_at, reference FROM receipts WHERE length(digest) = 38 ORDER BY digest"
    )
    assert [row["reference"] for row in stored if row["happened_at"] is None] == [
        item.event.reference for item in named
    ]
    assert [row["happened_at"] for row in stored if row["happened_at"]] == days


async def in_the_middle(pool, connection, resend):
    """A failure of a message's first hand-over comes while somebody sends it again; gives what is told."""
    worker, token, ids = await claimed(connection)
    (attempt,) = (await start(connection, worker, token, ids)).values()
    ambiguous = outcome(ids[0], attempt, "ambiguous", platform_id="id-1")
    await messages.record(connection, [ambiguous], chunk_id=99)
    async with connection.transaction():
        await resend(ids[0])
        telling = asyncio.create_task(say(pool, "undelivered"))
        await until_somebody_waits(connection)
    assert await telling
    return ids


async def test_a_failure_that_comes_while_it_is_sent_again_does_not_keep_it_back(pool, connection):
    async def resend(id_):
        assert await reconcile._release(
            connection, [id_], event=Event.RESEND, reason="resent", actor="ana", delay_s=0
        )

    ids = await in_the_middle(pool, connection, resend)
    assert await rows.statuses(connection, ids) == ["queued"]


async def test_a_failure_that_comes_while_it_is_handed_over_again_does_not_end_it(pool, connection):
    async def resend(id_):
        second = "INSERT INTO attempts (message_id, platform, worker_id) VALUES ($1, 'p', gen_random_uuid()) RETURNING id"
        await connection.execute(
            "UPDATE messages SET status = 'sending', attempt_id = $2 WHERE id = $1",
            id_,
            await connection.fetchval(second, id_),
        )

    ids = await in_the_middle(pool, connection, resend)
    assert await rows.statuses(connection, ids) == ["sending"]
