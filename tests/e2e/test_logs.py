"""What the log says of a call, from its 200 to its receipt, and what it never says."""

from __future__ import annotations

import json
import re

import pytest
from tests.support.client import DISPATCH, SEND

CPF, PHONE, TEXT = "52998224725", "11977776655", "fatura de R$"


@pytest.fixture(scope="module")
def followed(house, client):
    """One call delivered, and everything a caller can put a person's data into."""
    name = house.value(
        "SELECT c.name FROM customers c JOIN invoices i ON i.customer_id = c.id WHERE i.id = 11000"
    )
    sent = client.send({"id_fatura": 11000, "telefone_adicional": [PHONE]})
    house.until_state(client, sent, "entregue")
    client.get(f"{DISPATCH}/{sent.json['disparo']['id']}?telefone={PHONE}&termo_busca={CPF}")
    client.get(f"/api/v1/integracao/cliente?busca=cpf_cnpj&termo_busca={CPF}")
    client.get(f"/{PHONE}/{CPF}")
    client.send({"id_fatura": PHONE * 2, "telefone_adicional": [CPF]})
    client.send(f'{{"id_fatura": "{CPF}", "nome": "{name}"')
    client.post(f"/webhook/simulador/ensaio?from={PHONE}", f"{name} {TEXT} {CPF}")
    client.post(f"/webhook/simulador/{PHONE}", {"from": PHONE, "text": TEXT})
    house.anonymous.post("/oauth/token", {"grant_type": "password", "username": f"{CPF}@example.com"})
    return sent, name


def lines(house, role):
    *written, _ = house.stage.roles[role].log.read_text().split("\n")  # the last may still be being written
    return [json.loads(line) for line in written]


def find(house, role, event, **wanted):
    found = [line for line in lines(house, role) if line["event"] == event]
    return [line for line in found if all(line.get(key) == value for key, value in wanted.items())]


def test_a_line_for_each_request(house, followed):
    sent, _ = followed
    wanted = sent.headers["x-request-id"]  # the line is written after the answer
    (line,) = house.until(lambda: find(house, "server", "request", request_id=wanted))
    assert (line["method"], line["route"], line["status"]) == ("POST", SEND, 200)
    assert line["duration_ms"] > 0
    assert line["client_id"]
    house.until(lambda: find(house, "server", "request", route="unmatched", status=404))
    house.until(lambda: find(house, "server", "request", route=f"{DISPATCH}/{{dispatch_id}}", status=200))


def test_the_line_of_a_call_that_is_put_off_says_why(house, client):
    full = """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql
                  AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
              CREATE TRIGGER full_disk BEFORE INSERT ON dispatches EXECUTE FUNCTION full_disk()"""
    house.run(lambda connection: connection.execute(full))
    try:
        answer = client.send({"id_fatura": 11000})
    finally:
        house.run(lambda connection: connection.execute("DROP FUNCTION full_disk CASCADE"))
    assert answer.status == 503
    wanted = answer.headers["x-request-id"]  # the line is written after the answer
    (line,) = house.until(lambda: find(house, "server", "request", request_id=wanted))
    assert (line["status"], line["error"]) == (503, "DiskFullError")


def test_a_request_is_followed_to_its_receipt(house, followed):
    sent, _ = followed
    dispatch_id, wanted = sent.json["disparo"]["id"], sent.headers["x-request-id"]
    (line,) = house.until(lambda: find(house, "server", "request", request_id=wanted))
    assert line["dispatch_id"] == dispatch_id

    def of_it(role, event):
        return [line for line in find(house, role, event) if dispatch_id in line["dispatch_ids"]]

    def whole():  # written once it stands in the database, where its receipt may be by then
        handed = of_it("worker0", "handed_over")
        accepted = sum(line["outcomes"]["accepted"] for line in handed)
        return handed if accepted >= len(sent.json["job"]["telefones"]) else None

    handed = house.until(whole)
    assert {line["platform"] for line in handed} == {"simulador"}
    assert all(line["duration_ms"] >= 0 and line["messages"] >= 1 for line in handed)
    house.until(lambda: of_it("server", "receipts_applied") + of_it("worker0", "receipts_applied"))


def test_the_token_call_names_its_client(house, followed):
    assert [line for line in find(house, "server", "request", route="/oauth/token") if line.get("client_id")]


def test_no_line_of_the_whole_run_holds_a_persons_data(house, client, followed):
    _, name = followed
    secrets = [
        name,
        name.split()[0],
        TEXT,
        "faturas.example",
        PHONE,
        PHONE[2:],
        CPF,
        client.token,
        "ensaio",
        "?",
    ]
    for role in house.stage.roles.values():
        text = role.log.read_text()
        for secret in secrets:
            assert secret not in text, (role.name, secret)
        bare = re.sub(r'"[a-z_]*(ids?|timestamp)": ?("[^"]*"|\[[^\]]*\])', "", text)
        assert not re.search(r"\d{8,}", bare), role.name
