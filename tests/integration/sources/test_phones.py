"""A phone that was changed there comes with the invoices that name it, before the next full pass."""

from __future__ import annotations

import pytest

from disparo.sources.lookout import Lookout

pytestmark = pytest.mark.anyio

PHONES = "SELECT phone_1, phone_2, phone_1_allowed FROM customers WHERE id = $1"


async def test_with_the_question_before_a_hand_over(there, sync, connection):
    await sync.run()
    await connection.execute("UPDATE customers SET phone_2 = '37911112222', phone_1_allowed = false")
    there.phones[11] = "37988887777"
    before = there.calls.total()
    await sync.refresh([700_010])  # of customer 11
    assert there.calls.total() - before == 1
    # What is not told stays; so does a person's word.
    assert tuple(await connection.fetchrow(PHONES, 11)) == ("37988887777", "37911112222", False)
    assert (await connection.fetchrow(PHONES, 12))["phone_1"] == "37900000012"


async def test_with_an_invoice_that_is_looked_up_since_nobody_here_knows_it(there, sync, connection):
    await sync.run()
    there.phones[5] = "37988887777"
    there.add_invoice(990_001, 5)
    await Lookout(sync).look_for(990_001, patience_s=5, again_after_s=60)
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 990001") == 5
    assert (await connection.fetchrow(PHONES, 5))["phone_1"] == "37988887777"


@pytest.mark.parametrize("tells", [True, False])
async def test_with_an_invoice_that_has_another_customer_now(there, sync, connection, tells):
    await sync.run()
    there.tells_active = tells
    there.changes[700_010] = {"id_cliente": 12}
    there.phones[12] = "37988887777"
    await sync.refresh([700_010])
    assert await connection.fetchval("SELECT customer_id FROM invoices WHERE id = 700010") == 12
    assert (await connection.fetchrow(PHONES, 12))["phone_1"] == "37988887777"


async def test_with_an_invoice_that_is_new_or_paid(there, sync, connection):
    await sync.run()
    there.phones |= {3: "37988887777", 6: "37988886666", 7: "37988885555"}
    there.add_invoice(990_001, 3)
    there.pay(700_005)  # of customer 6
    assert not (await sync.run()).is_full
    for customer in (3, 6):
        assert (await connection.fetchrow(PHONES, customer))["phone_1"] == there.phones[customer]
    assert (await connection.fetchrow(PHONES, 7))["phone_1"] == "37900000007"


async def test_an_invoice_that_tells_no_phone_takes_none_away(there, sync, connection, monkeypatch):
    await sync.run()
    for told in ({}, {"telefone_primario": None}, {"telefone_primario": ""}, {"telefone_primario": [1]}):
        monkeypatch.setattr(there, "_named", lambda number, told=told: {"id_cliente": number, **told})
        await sync.refresh([700_010])
    assert (await connection.fetchrow(PHONES, 11))["phone_1"] == "37900000011"


async def test_a_customer_from_elsewhere_keeps_theirs(there, sync, connection):
    await sync.run()
    await connection.execute("UPDATE customers SET source = 'file' WHERE id = 11")
    there.phones[11] = "37988887777"
    await sync.refresh([700_010])
    assert (await connection.fetchrow(PHONES, 11))["phone_1"] == "37900000011"


PERMISSIONS = "SELECT phone_1, phone_1_allowed, phone_2, phone_2_allowed FROM customers WHERE id = 11"


async def told(there, sync, way):
    """Have what changed there come, by the question before a hand-over or by a full pass."""
    await (sync.refresh([700_010]) if way == "asked" else sync.run(full=True))


@pytest.mark.parametrize("way", ["asked", "full"])
async def test_who_does_not_want_sms_at_a_number_gets_none_when_it_moves_to_another_field(
    there, sync, connection, monkeypatch, way
):
    await sync.run()
    await connection.execute(
        "UPDATE customers SET phone_1_allowed = false, phone_2 = '(37) 98888-2222' WHERE id = 11"
    )
    moved = {"telefone_primario": "37988882222", "telefone_secundario": "(37) 90000-0011"}
    if way == "asked":
        monkeypatch.setattr(there, "_named", lambda number: {"id_cliente": number, **moved})
    else:
        as_it_was = there.customer
        monkeypatch.setattr(
            there, "customer", lambda n, **more: as_it_was(n, **more) | (moved if n == 11 else {})
        )
    await told(there, sync, way)
    found = tuple(await connection.fetchrow(PERMISSIONS))
    assert found == ("37988882222", True, "(37) 90000-0011", False)
    await told(there, sync, way)
    assert tuple(await connection.fetchrow(PERMISSIONS)) == found


async def test_with_the_question_even_where_its_last_page_is_empty(there, sync, connection, monkeypatch):
    await sync.run()
    there.phones[11] = "37988887777"
    # A HubSoft that does not number its pages: a full one may have another after it.
    paged = there._page
    monkeypatch.setattr(there, "_page", lambda request, total: (paged(request, total)[0], None))
    monkeypatch.setattr("disparo.sources.hubsoft._PER_PAGE", len(there._of(11)))
    await sync.refresh([700_010])
    assert (await connection.fetchrow(PHONES, 11))["phone_1"] == "37988887777"


async def test_who_is_no_longer_a_customer_there_is_not_active_here(there, sync, connection, monkeypatch):
    await sync.run()
    named = there._named
    monkeypatch.setattr(there, "_named", lambda number: {**named(number), "ativo": number != 11})
    there.pay(700_010)  # of customer 11
    assert not (await sync.run()).is_full
    active = "SELECT id FROM customers WHERE NOT active"
    assert [row["id"] for row in await connection.fetch(active)] == [11]
    monkeypatch.setattr(there, "_named", named)  # which does not say it
    await sync.refresh([700_010])
    assert [row["id"] for row in await connection.fetch(active)] == [11]
