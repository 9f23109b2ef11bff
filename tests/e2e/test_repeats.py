"""Calls that come again: idempotency keys, repeat windows, caps and rates of an API client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.calls import JSON, count, phones
from tests.support.client import DISPATCH


def test_the_same_key_and_body_give_the_same_bytes_and_queue_nothing(house, client):
    body, headers = {"id_fatura": 11000}, {"Idempotency-Key": "chave-1"}
    first = client.send(body, headers=headers)
    before = count(house)
    again = client.send(body, headers=headers)
    assert (again.status, again.raw) == (200, first.raw)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert count(house) == before


def test_the_same_key_with_another_request_is_refused(house, client):
    headers = {"Idempotency-Key": "chave-2"}
    client.send({"id_fatura": 11000}, headers=headers)
    before = count(house)
    answer = client.send({"id_fatura": 11000, "telefone_adicional": ["11988880000"]}, headers=headers)
    assert (answer.status, "Idempotency-Key" in answer.json["msg"]) == (422, True)
    assert count(house) == before
    assert client.send('{"id_fatura": "11000", "x": 1}', headers={**headers, **JSON}).status == 200


def test_a_refusal_is_not_kept(house, client):
    headers = {"Idempotency-Key": "chave-3"}
    assert client.send({"id_fatura": 777_001}, headers=headers).status == 422
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777001, 3108, 1, current_date)"
    )
    assert client.send({"id_fatura": 777_001}, headers=headers).status == 200


def test_keys_of_other_clients_are_other_keys(house, client):
    headers = {"Idempotency-Key": "chave-4"}
    first = client.send({"id_fatura": 11000}, headers=headers)
    other = house.client().send({"id_fatura": 11000}, headers=headers)
    assert first.json["disparo"]["id"] != other.json["disparo"]["id"]


def test_fifty_callers_with_one_key_make_one_dispatch(house, client):
    headers = {"Idempotency-Key": "corrida"}
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: client.send({"id_fatura": 11000}, headers=headers), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_none_is_refused(client, key):
    answer = client.send({"id_fatura": 11000}, headers={"Idempotency-Key": key.encode().decode("latin-1")})
    assert answer.status == 422


def test_within_the_repeat_window_nobody_is_messaged_twice(house):
    menu = house.client(repeat_window_s=60)
    first = menu.send({"id_fatura": 50949})
    before = count(house)
    again = menu.send({"id_fatura": 50949})
    assert again.status == 200
    assert again.json["job"]["telefones"] == []
    assert again.json["disparo"]["id"] == first.json["disparo"]["id"]
    assert again.json["disparo"]["ignorados"] == [{"telefone": "37999931412", "motivo": "repetida"}]
    assert count(house) == before
    more = menu.send({"id_fatura": 50949, "telefone_adicional": ["11988889999"]})
    assert phones(more) == ["11988889999"]


def test_two_presses_at_once_make_one_message(house):
    menu = house.client(repeat_window_s=60)
    house.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (777002, 3108, 1, current_date)"
    )
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: menu.send({"id_fatura": 777002}), range(10)))
    assert {answer.status for answer in answers} == {200}
    assert house.value("SELECT count(*) FROM messages WHERE invoice_id = 777002") == 1


def test_the_daily_cap_of_additional_phones(house):
    capped = house.client(extra_phones_per_day=2)
    assert (
        capped.send({"id_fatura": 11000, "telefone_adicional": ["11988880001", "11988880002"]}).status == 200
    )
    answer = capped.send({"id_fatura": 11000, "telefone_adicional": ["11988880003"]})
    assert (answer.status, "limite diário de 2" in answer.json["msg"]) == (422, True)
    assert capped.send({"id_fatura": 11000}).status == 200


def test_the_cap_holds_under_concurrency(house):
    capped = house.client(extra_phones_per_day=5)

    def one(number):
        return capped.send({"id_fatura": 11000, "telefone_adicional": [f"119888810{number:02}"]}).status

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(one, range(20))) == [200] * 5 + [422] * 15


def test_a_clients_rate_limit(house):
    slow = house.client(rate_per_s=0.005, rate_burst=3)
    answers = [slow.get(DISPATCH) for _ in range(6)]
    assert [answer.status for answer in answers][:3] == [200, 200, 200]
    last = answers[-1]
    assert last.status == 429
    assert (
        last.json["msg"] == f"Muitas requisições. Tente novamente em {last.json['retry_after']} segundo(s)."
    )
    assert last.headers["retry-after"] == str(last.json["retry_after"])
