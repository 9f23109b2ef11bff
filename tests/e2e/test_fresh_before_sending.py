"""What came from HubSoft is asked there again just before its hand-over (docs/delivery.md §5)."""

from __future__ import annotations

import pytest
from aiohttp import web
from tests.support.client import DISPATCH
from tests.support.house import house as run_house
from tests.support.hubsoft import BASE, HubsoftStandIn, settings_for
from tests.support.visitor import text, visitor


class Troubled(HubsoftStandIn):
    """`poison`: invoices of which it can make no page."""

    poison = frozenset[int]()

    def _window(self, query):
        found = super()._window(query)
        if self.poison.intersection(item["id_fatura"] for item in found):
            raise web.HTTPInternalServerError
        return found


@pytest.fixture(scope="module")
def there():
    with Troubled(20, 40).running() as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, there):
    settings = settings_for(there, DISPARO_SYNC_EVERY_S="1", DISPARO_DISPATCH_DELAY_S="3600")
    with run_house(new_database(), tmp_path_factory.mktemp("house"), overrides=settings) as house:
        # The worker itself brings the register over.
        house.until(lambda: house.value("SELECT finished_at FROM sync_states"))
        yield house


def send_old(house, client, invoice_id, meanwhile=lambda: None):
    """Old data: checked an hour ago; the sync's own pass does not look at it again.

    `meanwhile`: what happens at HubSoft after the call and before the hand-over.
    """
    house.fetch("UPDATE invoices SET checked_at = now() - interval '1 hour' WHERE id = $1", invoice_id)
    return send(house, client, invoice_id, meanwhile)


def send(house, client, invoice_id, meanwhile=lambda: None):
    sent = client.send({"id_fatura": invoice_id})
    assert sent.status == 200, sent.raw
    meanwhile()
    go_now(house, sent.json["disparo"]["id"])
    return sent


def test_an_invoice_paid_meanwhile_gets_no_sms(house, there, client):
    # Paid, but on a day that no incremental list shows: only the question itself can tell.
    sent = send_old(house, client, 700_003, lambda: there.pay(700_003, there.due(3)))
    house.until_state(client, sent, "dispensada")
    assert house.value("SELECT reason FROM messages WHERE invoice_id = 700003") == "invoice_paid"


@pytest.mark.parametrize(
    ("invoice_id", "told"),
    [
        (700_009, {"status": "Pago em atraso", "quitado": True}),
        (700_010, {"status": "vencido", "data_pagamento": "2026-11-20"}),
        (700_011, {"status": "pago_parcelado", "data_pagamento": "2026-11-20"}),
    ],
)
def test_an_invoice_that_it_calls_paid_in_words_of_its_own_gets_no_sms(
    house, there, client, invoice_id, told
):
    sent = send_old(house, client, invoice_id, lambda: there.changes.update({invoice_id: told}))
    house.until_state(client, sent, "dispensada")
    assert house.value("SELECT reason FROM messages WHERE invoice_id = $1", invoice_id) == "invoice_paid"


def test_a_file_or_program_that_calls_open_what_hubsoft_calls_paid_sends_nothing(house, there, client):
    invoice_id, due = 700_014, there.due(14).isoformat()
    there.pay(invoice_id, there.due(14))
    house.until_state(client, send_old(house, client, invoice_id), "dispensada")  # and is fresh
    row = {"id_fatura": invoice_id, "id_cliente": 15, "valor": 99.5, "data_vencimento": due}
    told = client.call("PUT", f"{BASE}/fatura", {"faturas": [{**row, "status": "aguardando"}]})
    assert told.json["gravados"] == 1, told
    house.until_state(client, send(house, client, invoice_id), "dispensada")
    told = house.fetch("SELECT DISTINCT reason FROM messages WHERE invoice_id = 700014")
    assert [tuple(row) for row in told] == [("invoice_paid",)]


def test_an_invoice_that_is_still_open_is_sent(house, there, client):
    house.until_state(client, send_old(house, client, 700_004), "entregue")
    assert house.value("SELECT checked_at > now() - interval '5 minutes' FROM invoices WHERE id = 700004")


def test_a_number_that_is_no_longer_the_customers_gets_nothing_and_the_next_call_goes_to_the_new_one(
    house, there, client
):
    customer = 700_007 - 700_000 + 1
    sent = send_old(house, client, 700_007, lambda: there.phones.update({customer: "37988887777"}))
    house.until_state(client, sent, "dispensada")
    assert house.value("SELECT reason FROM messages WHERE invoice_id = 700007") == "number_gone"
    again = client.send({"id_fatura": 700_007})
    assert [phone["telefone"] for phone in again.json["job"]["telefones"]] == ["37988887777"]


def test_an_invoice_that_is_anothers_by_now_goes_to_them_and_not_to_whom_it_was_meant_for(
    house, there, client
):
    moved = {700_008: {"id_cliente": 10}}  # of customer 9
    sent = send_old(house, client, 700_008, lambda: there.changes.update(moved))
    house.until_state(client, sent, "dispensada")
    assert house.value("SELECT reason FROM messages WHERE invoice_id = 700008") == "number_gone"
    again = send(house, client, 700_008)
    told = [phone["telefone"] for phone in again.json["job"]["telefones"]]
    assert told == [there.customer(10)["telefone_primario"]]
    house.until_state(client, again, "entregue")


def test_one_customer_whose_invoices_it_cannot_show_lets_no_paid_one_of_others_through(house, there, client):
    there.poison = frozenset({700_012})
    try:
        house.until_state(client, send_old(house, client, 700_012), "entregue")
        sent = send_old(house, client, 700_013, lambda: there.pay(700_013, there.due(13)))
        house.until_state(client, sent, "dispensada")
    finally:
        there.poison = frozenset()


def test_with_hubsoft_down_a_single_call_is_sent_all_the_same_and_an_alert_stands(house, there, client):
    there.fail_after = 0
    try:
        house.until_state(client, send_old(house, client, 700_005), "entregue")
    finally:
        there.fail_after = None
    alert = "SELECT count(*) FROM alerts WHERE kind = 'source_down' AND cleared_at IS NULL"
    assert house.value(alert) == 1


def test_with_hubsoft_down_a_bulk_run_waits_and_goes_when_it_is_back(house, there, client):
    house.fetch("UPDATE invoices SET checked_at = now() - interval '1 hour' WHERE id = 700006")
    there.fail_after = 0
    try:
        run = client.post(f"{DISPATCH}/lote", {"ids_fatura": [700_006]})
        assert run.status == 200
        house.until(lambda: house.value("SELECT count(*) FROM messages WHERE invoice_id = 700006"))
        go_now(house, run.json["disparo"]["id"])
        house.until(lambda: reason_of(house) == "source_down")
        assert house.value("SELECT status FROM messages WHERE invoice_id = 700006") == "queued"
        page = text(visitor(house).get(f"/painel/disparos/{run.json['disparo']['id']}"))
        assert "À espera da hora de sair: falta 1 de 1." in page
        assert ": o cadastro de origem não responde." in page
        assert "Enviando" not in page
        assert (
            house.value("SELECT count(*) FROM alerts WHERE kind = 'source_down' AND cleared_at IS NULL") == 1
        )
    finally:
        there.fail_after = None
    house.until(lambda: is_back(house))  # a source that was just down is left alone a while
    assert not house.value("SELECT count(*) FROM alerts WHERE kind = 'source_down' AND cleared_at IS NULL")


def go_now(house, dispatch_id):
    """As if somebody had asked for it: no sending hours, whatever the time of this test."""
    house.fetch("UPDATE dispatches SET purpose = 'requested' WHERE id = $1::uuid", dispatch_id)
    # The messages first: whoever found their chunk before them would put it off to the old moment.
    house.fetch("UPDATE messages SET due_at = now() WHERE dispatch_id = $1::uuid", dispatch_id)
    house.fetch("UPDATE bulk_chunks SET due_at = now() WHERE dispatch_id = $1::uuid", dispatch_id)
    house.fetch("UPDATE pgqueuer SET execute_after = now() WHERE status = 'queued' AND execute_after > now()")


def reason_of(house):
    return house.value("SELECT reason FROM messages WHERE invoice_id = 700006")


def is_back(house):
    """Look again at once, instead of in a minute."""
    house.fetch(
        """UPDATE messages SET due_at = now() - interval '10 seconds'
           WHERE invoice_id = 700006 AND status = 'queued' AND due_at > now()"""
    )
    house.fetch("UPDATE pgqueuer SET execute_after = now() WHERE status = 'queued' AND execute_after > now()")
    return house.value("SELECT status FROM messages WHERE invoice_id = 700006") == "delivered"
