"""A phone that was changed there comes with the invoices that name it, before the next full pass."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

PHONES = "SELECT phone_1, phone_2, phone_1_allowed FROM customers WHERE id = $1"


async def test_with_the_question_before_a_hand_over(there, sync, source, connection):
    await sync.run()
    await connection.execute("UPDATE customers SET phone_2 = '37911112222', phone_1_allowed = false")
    there.phones[11] = "37988887777"
    before = source.requests
    await sync.refresh([700_010])  # of customer 11
    assert source.requests - before == 1
    # What is not told stays; so does a person's word.
    assert tuple(await connection.fetchrow(PHONES, 11)) == ("37988887777", "37911112222", False)
    assert (await connection.fetchrow(PHONES, 12))["phone_1"] == "37900000012"


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
