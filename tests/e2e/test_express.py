"""enviar_sms has a short way and a plain one (docs/decisions/0040): no caller can tell them apart."""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from tests.support.calls import FORM, JSON
from tests.support.client import SEND
from tests.support.house import house as run_house

PLAIN = {"Origin": "https://painel.example.com"}  # a browser's call goes the plain way
_MOMENT = re.compile(rb"[0-9a-f-]{36}|[0-9a-f]{32}|\d{4}-\d\d-\d\d [\d:.]+")
_OF_BROWSERS = ("access-control-allow-origin", "access-control-expose-headers", "vary")
_OF_THE_MOMENT = ("date", "x-request-id")


def seen(answer):
    headers = {k: v for k, v in answer.headers.items() if k not in (*_OF_BROWSERS, *_OF_THE_MOMENT)}
    return answer.status, headers, _MOMENT.sub(b"", answer.raw)


def but_for_the_wait(answer):
    """The same of a refusal that says for how long, which is less the later it is asked for."""
    wait = answer.headers["retry-after"]
    assert 4000 < int(wait) <= 5000
    status, headers, raw = seen(answer)
    return status, {**headers, "retry-after": ""}, raw.replace(wait.encode(), b"")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"id_fatura": 11000}, {}),
        ({"id_fatura": "11000", "telefone_adicional": ["11988887777", "1133334444"]}, {}),
        ({"id_fatura": 70221}, {}),
        ({"id_fatura": 1}, {}),
        ({"id_fatura": 70215, "telefone_adicional": ["1"]}, {}),
        ({}, {}),
        (None, {}),
        ("id_fatura=11000&telefone_adicional[]=11988887777", FORM),
        ("{", JSON),
        ('{"id_fatura":NaN}', JSON),
        ('{"a":' * 20_000, JSON),
        (b"\x00\xff", {"Content-Type": "image/png"}),
        ("x" * 70_000, JSON),
        ({"id_fatura": 11000}, {"Content-Encoding": "gzip"}),
        ({"id_fatura": 11000}, {"Idempotency-Key": "com espaço".encode().decode("latin-1")}),
        ({"id_fatura": 11000}, {"Idempotency-Key": ""}),
        ({"id_fatura": 11000}, {"Authorization": "Bearer x.y.z"}),
        ({"id_fatura": 11000}, {"Authorization": None}),
    ],
)
def test_both_ways_give_the_same_answer(client, body, headers):
    assert seen(client.send(body, headers=headers)) == seen(client.send(body, headers={**headers, **PLAIN}))


def test_both_ways_refuse_alike_without_permission_past_the_limit_and_in_hubsofts_codes(house):
    weak = house.client(permissions=("cancel",))
    limited = [house.client(rate_per_s=0.0002, rate_burst=1) for _ in range(2)]
    original = house.client(error_codes="hubsoft")
    body = {"id_fatura": 1}
    assert seen(weak.send(body)) == seen(weak.send(body, headers=PLAIN))
    assert weak.send(body).status == 403
    ways = [
        [each.send(body, headers=way) for _ in range(2)]
        for each, way in zip(limited, ({}, PLAIN), strict=True)
    ]
    assert seen(ways[0][0]) == seen(ways[1][0])
    assert but_for_the_wait(ways[0][1]) == but_for_the_wait(ways[1][1])
    assert ways[0][1].status == 429
    assert seen(original.send(body)) == seen(original.send(body, headers=PLAIN))
    assert original.send(body).status == 200


def test_a_key_used_on_one_way_is_replayed_on_the_other(client):
    key = {"Idempotency-Key": "dois-caminhos"}
    first = client.send({"id_fatura": 11000}, headers=key)
    second = client.send({"id_fatura": 11000}, headers={**key, **PLAIN})
    assert (first.status, second.status, second.headers["idempotent-replayed"]) == (200, 200, "true")
    assert first.raw == second.raw


def test_both_ways_are_counted_under_one_name(house, client):
    def counted():
        text = house.anonymous.get("/metrics").raw.decode()
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith("disparo_http_requests_total")
            and f'route="{SEND}"' in line
            and '"200"' in line
        )

    before = counted()
    client.send({"id_fatura": 11000})
    client.send({"id_fatura": 11000}, headers=PLAIN)
    house.until(lambda: counted() - before == 2)  # counted once they are answered


def test_a_revoked_token_sends_no_more(house):
    def ends_soon():
        """Within two seconds, where nothing keeps this machine longer."""
        sender = house.client()
        assert sender.send({"id_fatura": 11000}).status == 200
        house.fetch("UPDATE access_tokens SET revoked_at = now()")
        began = time.monotonic()
        house.until(lambda: sender.send({"id_fatura": 11000}).status == 401)
        return time.monotonic() - began < 2

    house.until(ends_soon)


def test_calls_that_never_bring_their_body_take_nobodys_place(new_database, tmp_path):
    overrides = {"DISPARO_MOST_WAITING": "4"}
    with ExitStack() as stack:
        run = run_house(new_database(), tmp_path, overrides=overrides, workers_count=0)
        house = stack.enter_context(run)
        client = house.client()
        at = urlsplit(house.stage.base)
        head = (
            f"POST {SEND} HTTP/1.1\r\nHost: {at.hostname}\r\nAuthorization: Bearer {client.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 19\r\nExpect: 100-continue\r\n\r\n"
        )
        slow = [stack.enter_context(socket.create_connection((at.hostname, at.port))) for _ in range(12)]
        for connection in slow:
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # its body is waited for now
        assert client.send({"id_fatura": 11000}).status == 200
        slow[0].sendall(b'{"id_fatura":11000}')
        assert slow[0].recv(12) == b"HTTP/1.1 200"


def test_past_capacity_the_answer_is_a_quick_503_and_it_recovers_by_itself(new_database, tmp_path):
    overrides = {"DISPARO_MOST_WAITING": "4"}
    with run_house(new_database(), tmp_path, overrides=overrides, workers_count=0) as house:
        client = house.client()
        assert client.send({"id_fatura": 11000}).status == 200

        def one(_):
            began = time.monotonic()
            return client.send({"id_fatura": 11000}), time.monotonic() - began

        async def stall(connection):
            """Nothing can be stored while this lock is held: every accepted call has to wait."""
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute("LOCK TABLE messages IN EXCLUSIVE MODE")
            with ThreadPoolExecutor(40) as threads:
                futures = [threads.submit(one, number) for number in range(40)]
                while sum(future.done() for future in futures) < 36:
                    time.sleep(0.02)  # between two looks
                refused = [future.result() for future in futures if future.done()]
                while min(seconds for _, seconds in refused) >= 2:  # something kept this machine
                    refused.append(one(40))
                await transaction.rollback()
                return refused, [future.result() for future in futures]

        refused, answers = house.run(stall)
        assert {answer.status for answer, _ in refused} == {503}
        assert {answer.headers["retry-after"] for answer, _ in refused} == {"1"}
        # The four that were inside all the while.
        assert [answer.status for answer, _ in answers].count(200) == 4
        assert client.send({"id_fatura": 11000}).status == 200
        assert house.value("SELECT count(*) FROM dispatches") == 6
