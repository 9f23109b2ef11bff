"""What platforms tell: stored together in one transaction, and no call suffers for another."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from tests.integration.dispatch.test_receipts import handed_over
from tests.support import rows

from disparo import metrics
from disparo.db import opt_outs
from disparo.dispatch.intake import Intake
from disparo.dispatch.receipts import apply_waiting
from disparo.domain.outcome import ReceiptEvent, ReceiptKind
from disparo.platforms.base import Heard, WebhookRequest
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

pytestmark = pytest.mark.anyio

RECEIPTS = {
    "id": "id",
    "reference": "ref",
    "status": "status",
    "statuses": {"SENT": "sent", "DELIVRD": "delivered"},
}
INBOUND = {
    "sender": "from",
    "text": "text",
    "id": "mo_id",
    "about_id": "about",
    "about_reference": "ours",
}


def platform(name="p", **rules):
    table = {"url": "http://127.0.0.1:1/", "receipts": RECEIPTS, "inbound": INBOUND, **rules}
    return GenericHttp(name, read_table(name, table))


PLATFORM = platform()


@pytest.fixture
async def intake(pool):
    intake = Intake(pool)
    job = asyncio.create_task(intake.run())
    yield intake
    job.cancel()
    await asyncio.gather(job, return_exceptions=True)


class Poison:
    """A platform whose receipts the database does not take."""

    name = "poison"

    def masked(self, text):
        return text

    def parse_webhook(self, _request):
        return Heard(receipts=[ReceiptEvent(ReceiptKind.SENT, "id", code="\0")])


def call(**body):
    return WebhookRequest("POST", {}, {}, json.dumps(body).encode())


async def say(intake, text, sender="11988887777", **more):
    return await intake.take(PLATFORM, call(**{"from": sender}, text=text, **more))


async def test_calls_that_arrive_together_share_a_transaction(intake, connection):
    await asyncio.gather(*(intake.take(PLATFORM, call(id=str(n), status="SENT")) for n in range(60)))
    stored, transactions = await connection.fetchrow(
        "SELECT count(*), count(DISTINCT xmin::text) FROM receipts"
    )
    assert stored == 60
    assert transactions < 10


async def test_of_a_list_each_receipt_keeps_its_own_part_and_no_one_elses(pool, connection):
    intake, lists = Intake(pool), platform(receipts={**RECEIPTS, "items": "list"})
    job = asyncio.create_task(intake.run())
    told = [{"id": str(n), "status": "SENT", "to": f"55119888877{n}", "nota": "avó"} for n in range(3)]
    try:
        await intake.take(lists, call(list=told))
        await intake.take(lists, call(list=told[:1]))  # once more, alone
        await intake.take(lists, call(list=[{"id": "9", "status": "SENT"}]))
    finally:
        job.cancel()
    stored = await connection.fetch("SELECT platform_id, raw FROM receipts ORDER BY platform_id")
    assert [row["platform_id"] for row in stored] == ["0", "1", "2", "9"]
    for row, item in zip(stored[:3], told, strict=True):
        head, body = row["raw"].split("\n")
        assert (head, json.loads(body)) == ("POST ?", item)
    assert "avó" in stored[0]["raw"]
    assert stored[3]["raw"] == 'POST ?\n{"list": [{"id": "9", "status": "SENT"}]}'  # alone: as it came


class ReadBeside(GenericHttp):
    """Knows whether its last call was read in the loop, where everything else waits meanwhile."""

    held_the_loop = False

    def masked(self, text):
        return text

    def parse_webhook(self, request):
        try:
            self.held_the_loop = bool(asyncio.get_running_loop())
        except RuntimeError:
            self.held_the_loop = False
        return super().parse_webhook(request)


async def test_a_call_that_says_a_lot_keeps_nobody_waiting(intake, connection, monkeypatch):
    commit, a_slice_is_stored = intake._commit, asyncio.Event()

    async def note(calls):
        await commit(calls)
        a_slice_is_stored.set()

    monkeypatch.setattr(intake, "_commit", note)
    table = {"url": "http://127.0.0.1:1/", "receipts": {**RECEIPTS, "items": "list"}}
    lists = ReadBeside("lists", read_table("p", table))
    told = [{"id": str(n), "status": "SENT"} for n in range(3000)]
    large = asyncio.create_task(intake.take(lists, call(list=told)))
    async with asyncio.timeout(30):
        await a_slice_is_stored.wait()
    assert not lists.held_the_loop
    await intake.take(PLATFORM, call(id="small", status="SENT"))
    assert not large.done()
    assert len((await large).receipts) == 3000
    stored = await connection.fetch(
        "SELECT count(*) AS of_one FROM receipts WHERE platform = 'lists' GROUP BY xmin::text"
    )
    assert sum(row["of_one"] for row in stored) == 3000
    assert max(row["of_one"] for row in stored) <= 500
    metrics.take()
    await intake.take(lists, call(list=told))
    assert not [name for name, _ in metrics.take() if name == "disparo_receipts"]  # told again: known
    await intake.take(lists, call(list=told[:2]))
    assert lists.held_the_loop  # a thread would be the slower way


async def test_of_a_list_each_text_keeps_its_own_part(pool, connection):
    intake, lists = Intake(pool), platform(inbound={**INBOUND, "items": "list"})
    job = asyncio.create_task(intake.run())
    texts = [{"from": f"1198888777{n}", "text": f"oi {n}", "mo_id": str(n)} for n in range(2)]
    try:
        await intake.take(lists, call(list=texts))
    finally:
        job.cancel()
    stored = await connection.fetch("SELECT raw FROM inbound_texts ORDER BY text")
    assert [json.loads(row["raw"].split("\n")[1]) for row in stored] == texts


async def test_what_is_taken_is_committed(intake, connection):
    await intake.take(PLATFORM, call(id="1", status="SENT"))
    assert await connection.fetchval("SELECT count(*) FROM receipts") == 1


async def test_one_that_cannot_be_stored_does_not_hurt_the_others(intake, connection):
    good = [intake.take(PLATFORM, call(id=str(n), status="SENT")) for n in range(20)]
    results = await asyncio.gather(*good, intake.take(Poison(), call()), return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False] * 20 + [True]
    assert await connection.fetchval("SELECT count(*) FROM receipts") == 20


async def test_receipts_are_applied_before_the_answer(intake, connection):
    id_ = await handed_over(connection)
    await intake.take(PLATFORM, call(id="id-1", status="DELIVRD"))
    assert await rows.statuses(connection, [id_]) == ["delivered"]


async def test_one_that_cannot_be_applied_is_kept_and_does_not_hold_up_the_others(intake, pool, connection):
    ids = [await handed_over(connection, f"id-{n}") for n in range(3)]
    await connection.execute(
        f"""CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN IF NEW.id = {ids[1]} THEN RAISE ''no''; END IF; RETURN NEW; END';
            CREATE TRIGGER stuck BEFORE UPDATE ON messages FOR EACH ROW EXECUTE FUNCTION stuck()"""
    )
    try:
        await asyncio.gather(*(intake.take(PLATFORM, call(id=f"id-{n}", status="DELIVRD")) for n in range(3)))
        assert await rows.statuses(connection, ids) == ["delivered", "accepted", "delivered"]
        assert (
            await connection.fetchval("SELECT platform_id FROM receipts WHERE applied_at IS NULL") == "id-1"
        )
    finally:
        await connection.execute("DROP FUNCTION stuck CASCADE")
    assert await apply_waiting(pool) == 1
    assert await rows.statuses(connection, ids) == ["delivered"] * 3


async def test_whoever_asks_for_no_more_is_suppressed_on_record(intake, connection):
    await say(intake, " Saír ", mo_id="m1")
    (row,) = await opt_outs.list_page(connection)
    assert (row["e164"], row["reason"], row["actor"]) == ("+5511988887777", "inbound", "platform:p")
    record = await connection.fetchrow(
        "SELECT o.platform, i.text, i.opted_out, i.raw FROM opt_outs o JOIN inbound_texts i ON i.id = o.inbound_id"
    )
    assert (record["platform"], record["text"], record["opted_out"]) == ("p", " Saír ", True)
    assert "mo_id" in record["raw"]


async def test_other_texts_are_kept_and_suppress_nobody(intake, connection):
    id_ = await handed_over(connection)
    e164 = await connection.fetchval("SELECT e164 FROM messages WHERE id = $1", id_)
    await say(intake, "já paguei", sender=e164, mo_id="m1")
    (row,) = await connection.fetch("SELECT * FROM inbound_texts WHERE e164 = $1", e164)
    assert (row["text"], row["opted_out"], row["message_id"]) == ("já paguei", False, id_)
    assert await opt_outs.list_page(connection) == []


@pytest.mark.parametrize("named", [{"mo_id": "m1"}, {}])
async def test_a_repeated_call_is_one_text(intake, connection, named):
    metrics.take()
    for _ in range(3):
        await say(intake, "SAIR", **named)
    assert await connection.fetchval("SELECT count(*) FROM inbound_texts") == 1
    assert metrics.take()["disparo_inbound_texts", "p"] == 1


@pytest.mark.parametrize(("after_s", "texts"), [(2, 1), (-2, 1), (601, 2)])
async def test_a_repeated_call_is_one_text_across_any_border_of_the_clock(
    intake, connection, monkeypatch, after_s, texts
):
    """Also where another server takes it, whose clock is behind by seconds."""
    first = time.time() // 600 * 600 + (599 if after_s > 0 else 0)
    monkeypatch.setattr("disparo.db.inbound.time.time", lambda: first)
    await say(intake, "SAIR")
    await connection.execute(
        "UPDATE inbound_texts SET received_at = now() - make_interval(secs => $1)", max(0, after_s)
    )
    monkeypatch.setattr("disparo.db.inbound.time.time", lambda: first + after_s)
    await say(intake, "SAIR")
    assert await connection.fetchval("SELECT count(*) FROM inbound_texts") == texts
    assert await connection.fetchval("SELECT count(*) FROM opt_outs WHERE inbound_id IS NOT NULL") == 1


async def test_a_repeated_call_does_not_undo_what_a_person_did_but_a_new_text_does(intake, connection):
    await say(intake, "SAIR", mo_id="m1")
    await opt_outs.remove(connection, "+5511988887777")
    await say(intake, "SAIR", mo_id="m1")
    assert await opt_outs.list_page(connection) == []
    await say(intake, "SAIR", mo_id="m2")
    assert len(await opt_outs.list_page(connection)) == 1


async def test_without_an_id_the_same_words_again_may_be_new_and_an_opt_out_wins(intake, connection):
    await say(intake, "SAIR")
    await opt_outs.remove(connection, "+5511988887777")
    await say(intake, "SAIR")
    assert await connection.fetchval("SELECT count(*) FROM inbound_texts") == 1
    assert await connection.fetchval("SELECT o.inbound_id = i.id FROM opt_outs o, inbound_texts i")


async def test_an_answer_that_names_no_number_is_that_of_the_message_it_answers(intake, connection):
    id_ = await handed_over(connection)
    await intake.take(PLATFORM, call(text="PARE", about="id-1", mo_id="m1"))
    (row,) = await connection.fetch("SELECT * FROM inbound_texts")
    assert (row["message_id"], row["opted_out"]) == (id_, True)
    (suppressed,) = await opt_outs.list_page(connection)
    assert suppressed["e164"] == await connection.fetchval("SELECT e164 FROM messages WHERE id = $1", id_)


async def test_an_answer_may_name_the_message_by_our_reference(intake, connection):
    id_ = await handed_over(connection)
    reference = await connection.fetchval("SELECT reference FROM messages WHERE id = $1", id_)
    await intake.take(PLATFORM, call(text="PARE", ours=reference, mo_id="m1"))
    assert await connection.fetchval("SELECT message_id FROM inbound_texts WHERE opted_out") == id_


async def test_an_id_of_another_platforms_is_no_message_that_is_answered(intake, connection):
    await handed_over(connection)
    await intake.take(platform("other"), call(text="PARE", about="id-1", mo_id="m1"))
    (row,) = await connection.fetch("SELECT * FROM inbound_texts")
    assert (row["message_id"], row["e164"], row["opted_out"]) == (None, None, False)
    assert await opt_outs.list_page(connection) == []


async def test_an_answer_that_names_no_message_is_to_the_last_one(intake, connection):
    ids = await rows.add_messages(connection, 3)
    await connection.execute("UPDATE messages SET e164 = '+5511988887777'")
    last = ids[1]
    await connection.execute("UPDATE messages SET created_at = now() + interval '1 s' WHERE id = $1", last)
    await say(intake, "já paguei", mo_id="m1")
    assert await connection.fetchval("SELECT message_id FROM inbound_texts") == last


async def test_who_answers_from_another_phone_is_the_one_who_wants_no_more(intake, connection):
    id_ = await handed_over(connection)
    await say(intake, "PARE", sender="21977776666", about="id-1", mo_id="m1")
    assert await connection.fetchval("SELECT message_id FROM inbound_texts WHERE opted_out") == id_
    assert [row["e164"] for row in await opt_outs.list_page(connection)] == ["+5521977776666"]


@pytest.mark.parametrize("sender", ["005511988887777", "01511988887777", "+55 11 98888-7777", "1188887777"])
async def test_who_wants_no_more_is_known_however_the_number_is_written(intake, connection, sender):
    await say(intake, "SAIR", sender=sender)
    assert await connection.fetchval("SELECT e164 FROM opt_outs") == "+5511988887777"


@pytest.mark.parametrize("sender", ["27700", "+1 202 555 0100", "OPERADORA"])
async def test_who_is_no_customer_is_kept_and_suppresses_nobody(intake, connection, sender):
    await say(intake, "STOP", sender=sender, mo_id="m1")
    (row,) = await connection.fetch("SELECT * FROM inbound_texts")
    assert (row["sender"], row["e164"], row["opted_out"]) == (sender, None, False)


async def test_several_that_ask_at_once_and_twice(intake, connection):
    texts = [say(intake, "SAIR", sender=f"119888877{n % 5:02}", mo_id=f"m{n}") for n in range(20)]
    await asyncio.gather(*texts)
    assert len(await opt_outs.list_page(connection)) == 5
    assert await connection.fetchval("SELECT count(*) FROM inbound_texts WHERE opted_out") == 20
