"""What must hold across server processes: keys, limits, refreshes, revocation, with processes dying."""

from __future__ import annotations

import http.client
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil
import pytest
from tests.support.client import DISPATCH, SEND, Client
from tests.support.house import house as run_house
from tests.support.program import command


@pytest.fixture(scope="module")
def four(new_database, tmp_path_factory):
    with run_house(
        new_database(), tmp_path_factory.mktemp("four"), servers_count=4, workers_count=0
    ) as house:
        yield house


def clients(house, token):
    return [Client(house.stage.base_of(server), token) for server in house.stage.servers]


def attempt(call):
    """A call's answer, or None where the process died under it."""
    try:
        return call()
    except OSError:
        return None


def test_fifty_callers_over_four_processes_make_one_dispatch(four):
    servers = clients(four, four.client().token)

    def one(number):
        return servers[number % 4].send({"id_fatura": 11000}, headers={"Idempotency-Key": "quatro"})

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(one, range(50)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1


@pytest.mark.parametrize("point", ["accept_before_commit", "accept_after_commit"])
def test_the_winner_of_a_key_dies_and_the_others_still_make_one_dispatch(four, point):
    token, victim = four.client().token, four.stage.servers[3]
    victim.stop()
    victim.start(DISPARO_FAILPOINTS=f"{point}:kill:1")
    servers = clients(four, token)
    four.until(lambda: attempt(lambda: servers[3].get("/saude")))
    headers = {"Idempotency-Key": f"morre-{point}"}
    before = four.value("SELECT count(*) FROM dispatches")

    def one(number):
        return servers[number % 3].send({"id_fatura": 50949}, headers=headers)

    # It wins, and dies; the database may not know of it yet when the others come.
    assert attempt(lambda: servers[3].send({"id_fatura": 50949}, headers=headers)) is None
    with ThreadPoolExecutor(49) as threads:
        answers = list(threads.map(one, range(49)))
    victim.reap()
    victim.start()
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert four.value("SELECT count(*) FROM dispatches") - before == 1


def test_a_frozen_winner_gives_409_and_then_one_dispatch(four):
    token, victim = four.client().token, four.stage.servers[3]
    victim.stop()
    victim.start(DISPARO_FAILPOINTS="accept_before_commit:stop:1")
    servers = clients(four, token)
    four.until(lambda: attempt(lambda: servers[3].get("/saude")))
    headers = {"Idempotency-Key": "congela"}
    with ThreadPoolExecutor(2) as threads:
        frozen = threads.submit(
            lambda: attempt(lambda: servers[3].send({"id_fatura": 70216}, headers=headers))
        )
        four.until(lambda: psutil.Process(victim.pid).status() == psutil.STATUS_STOPPED)
        other = servers[0].send({"id_fatura": 70216}, headers=headers)
        assert other.status in (409, 200)  # the frozen one's transaction is ended by the database after 5 s
        if other.status == 409:
            assert other.headers["retry-after"]
            other = four.until(lambda: _ok(servers[0].send({"id_fatura": 70216}, headers=headers)))
        victim.signal(signal.SIGCONT)
        late = frozen.result()
    assert late is None or late.status in (200, 503)
    again = servers[1].send({"id_fatura": 70216}, headers=headers)
    assert again.raw == other.raw
    assert four.value("SELECT count(*) FROM dispatches WHERE invoice_ids = '{70216}'") == 1


def _ok(answer):
    return answer if answer.status == 200 else None


def test_a_clients_limit_holds_over_four_processes(four):
    slow = clients(four, four.client(rate_per_s=0.01, rate_burst=12).token)
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda number: slow[number % 4].get(DISPATCH).status, range(60)))
    assert sorted(statuses) == [200] * 12 + [429] * 48


def test_the_daily_cap_holds_over_four_processes(four):
    capped = clients(four, four.client(extra_phones_per_day=7).token)

    def one(number):
        body = {"id_fatura": 11000, "telefone_adicional": [f"119777000{number:02}"]}
        return capped[number % 4].send(body).status

    with ThreadPoolExecutor(20) as threads:
        assert sorted(threads.map(one, range(30))) == [200] * 7 + [422] * 23


def test_two_refreshes_at_once_in_different_processes_both_work(four):
    account = four.account()
    token = four.anonymous.post("/oauth/token", account).json["refresh_token"]
    body = {**account, "grant_type": "refresh_token", "refresh_token": token}
    servers = clients(four, None)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda server: server.post("/oauth/token", body), servers))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["refresh_token"] for answer in answers}) == 4


def test_revocation_is_at_once_everywhere(four):
    client = four.client()
    servers = clients(four, client.token)
    assert {server.get(DISPATCH).status for server in servers} == {200}
    four.fetch("UPDATE access_tokens SET revoked_at = now()")
    assert {server.get(DISPATCH).status for server in servers} == {401}


def test_revocation_stops_sending_everywhere_also_where_nobody_hears_of_it(four):
    listening = """FROM pg_stat_activity
                   WHERE application_name = 'disparo-listener' AND datname = current_database()"""

    def ends_soon():
        """Within two seconds, where nothing keeps this machine longer."""
        servers = clients(four, four.client().token)
        four.until(lambda: {server.send({"id_fatura": 11000}).status for server in servers} == {200})
        four.until(lambda: four.value(f"SELECT count(*) {listening}") == 4)
        four.fetch(f"SELECT pg_terminate_backend(pid) {listening}")
        four.fetch("UPDATE access_tokens SET revoked_at = now()")
        began = time.monotonic()
        four.until(lambda: {server.send({"id_fatura": 11000}).status for server in servers} == {401})
        return time.monotonic() - began < 2

    four.fetch("ALTER TABLE access_tokens DISABLE TRIGGER tokens_changed")
    try:
        four.until(ends_soon)
    finally:
        four.fetch("ALTER TABLE access_tokens ENABLE TRIGGER tokens_changed")
    again = four.client()
    assert {server.send({"id_fatura": 11000}).status for server in clients(four, again.token)} == {200}


def test_a_call_whose_body_comes_after_a_revocation_does_nothing(four):
    """Opened while the token lived; a byte now and then would keep it open for weeks."""
    token, before = four.client().token, four.value("SELECT count(*) FROM dispatches")
    body, calls = b'{"id_fatura": 11000}', []
    for method, path in (
        ("POST", SEND),
        ("POST", f"{DISPATCH}/lote"),
        ("PUT", "/api/v1/integracao/fatura"),
    ):
        parts = urlsplit(four.stage.base)
        call = http.client.HTTPConnection(parts.hostname, parts.port, timeout=40)
        call.putrequest(method, path)
        call.putheader("Authorization", f"Bearer {token}")
        call.putheader("Content-Length", str(len(body)))
        call.putheader("Expect", "100-continue")
        call.endheaders(body[:5])
        calls.append(call)
    for call in calls:  # admitted, its body is waited for
        assert call.sock.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 100 ")
    time.sleep(1.5)  # a body that is quick is not looked at again
    four.fetch("UPDATE access_tokens SET revoked_at = now()")
    for call in calls:
        call.send(body[5:])
    assert [call.getresponse().status for call in calls] == [401] * 3
    assert four.value("SELECT count(*) FROM dispatches") == before


def test_two_presses_in_different_processes_make_one_message(four):
    menu = clients(four, four.client(repeat_window_s=60).token)
    four.fetch(
        "INSERT INTO invoices (id, customer_id, amount, due_date) VALUES (888001, 3108, 1, current_date)"
    )
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda number: menu[number % 4].post(SEND, {"id_fatura": 888001}), range(16))
        )
    assert {answer.status for answer in answers} == {200}
    assert four.value("SELECT count(*) FROM messages WHERE invoice_id = 888001") == 1


def test_several_processes_on_one_port_and_one_of_them_dies(new_database, tmp_path):
    arguments = ("--processos", "2")
    with run_house(new_database(), tmp_path, server_arguments=arguments, workers_count=0) as house:
        (role,) = house.stage.servers
        parent = psutil.Process(role.pid)
        house.until(lambda: len(parent.children()) == 2)
        client = house.client()
        first, second = parent.children()
        first.kill()
        house.until(lambda: {child.pid for child in parent.children()} - {first.pid, second.pid})
        answers = [house.until(lambda: attempt(lambda: client.send({"id_fatura": 11000}))) for _ in range(20)]
        assert {answer.status for answer in answers} == {200}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 20
        taken = command("serve", "--porta", house.stage.server_port, *arguments, env=role.environment)
        assert (taken.returncode, "já está em uso" in taken.stderr) == (1, True)
