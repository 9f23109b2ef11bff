"""The simulator's own promises: loopback only, a log that only grows, doubles counted, nothing executed."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from datetime import UTC, datetime

import pytest
from tests.support import forks
from tests.support.client import Client
from tests.support.stage import free_port

from disparo.platforms.simulator.store import Store


class Simulator:
    def __init__(self, log):
        self.log, self.port = log, free_port()
        self.printed = log.with_name("printed")
        self.client = Client(f"http://127.0.0.1:{self.port}")
        self.start()

    def start(self, **environment):
        arguments = ["simulador", "--porta", str(self.port), "--registro", str(self.log)]
        self.process = forks.begin(["disparo", *arguments], environment, self.printed)
        for _ in range(200):
            try:
                self.client.get("/v1/stats")
            except OSError:
                time.sleep(0.05)  # between two looks
            else:
                return

    def take(self, **changes):
        body = {"to": "+5511988887777", "text": "oi T0123456789abcdef", "reference": "r1", **changes}
        return self.client.post("/v1/messages", body)

    @property
    def stats(self):
        return self.client.get("/v1/stats").json


@pytest.fixture
def simulator(tmp_path):
    simulator = Simulator(tmp_path / "log.jsonl")
    yield simulator
    simulator.process.kill()
    simulator.process.wait()


def test_what_it_takes_is_in_the_log_before_the_answer(simulator):
    number = simulator.take().json["id"]
    simulator.process.send_signal(signal.SIGKILL)
    simulator.process.wait()
    entry = json.loads(simulator.log.read_text().splitlines()[0])  # the next line says when it was answered
    assert (entry["id"], entry["to"], entry["taken"]) == (number, "+5511988887777", True)
    assert simulator.log.stat().st_mode & 0o777 == 0o600


def test_doubles_are_counted_across_a_restart_and_a_torn_line(simulator):
    simulator.take()
    simulator.process.kill()
    simulator.process.wait()
    with simulator.log.open("a") as log:
        log.write('{"at": 1, "to": "torn')
    simulator.start()
    simulator.take()
    simulator.process.kill()
    simulator.process.wait()
    simulator.start()
    assert simulator.stats["taken"] == 2
    assert simulator.stats["doubles_by_reference"] == 1
    assert simulator.stats["doubles_by_token"] == 1


def test_a_full_disk_tears_no_line_and_takes_nothing(tmp_path, monkeypatch):
    entry = {"at": 1.0, "id": "a", "to": "+55", "text": "oi", "reference": "r", "mode": "ok", "taken": True}
    store, write = Store(tmp_path / "log.jsonl"), os.write
    store.add(entry)
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:20]))
    with pytest.raises(OSError, match="No space"):
        store.add({**entry, "id": "b"})
    monkeypatch.undo()
    store.add({**entry, "id": "c"})
    assert store.stats()["taken"] == Store(tmp_path / "log.jsonl").stats()["taken"] == 2


def test_the_page_escapes_and_runs_no_script(simulator):
    simulator.take(text="<script>alert(1)</script>")
    page = simulator.client.get("/")
    assert b"<script" not in page.raw
    assert b"&lt;script&gt;" in page.raw
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_foreign_names_and_plain_forms_are_turned_away(simulator):
    assert simulator.client.get("/", headers={"Host": "evil.example"}).status == 421
    body = '{"mode": "refuse"}'
    assert simulator.client.post("/v1/behaviour", body, headers={"Content-Type": "text/plain"}).status == 415
    assert simulator.client.get("/v1/behaviour").json["mode"] == "accept"


@pytest.mark.parametrize(
    ("mode", "status", "taken"),
    [("refuse", 400, 0), ("throttle", 429, 0), ("no_credit", 402, 0), ("bad_auth", 401, 0), ("error", 500, 0),
     ("error_taken", 500, 1), ("redirect", 307, 0), ("garbage", 200, 1)],
)  # fmt: skip
def test_behaviours(simulator, mode, status, taken):
    simulator.client.post("/v1/behaviour", {"mode": mode})
    assert simulator.take().status == status
    assert simulator.stats["taken"] == taken


def test_it_can_die_after_it_took(simulator):
    simulator.client.post("/v1/behaviour", {"mode": "die"})
    with pytest.raises((ConnectionError, OSError)):
        simulator.take()
    assert simulator.process.wait(60) == 1
    assert json.loads(simulator.log.read_text())["taken"] is True


@pytest.mark.parametrize("body", ["", "[]", "{", '{"to": 1}', '{"mode": "fly"}', '{"every": 0}'])
def test_wrong_calls_get_a_clear_answer(simulator, body):
    headers = {"Content-Type": "application/json"}
    assert simulator.client.post("/v1/messages", body, headers=headers).status == 400
    assert simulator.client.post("/v1/behaviour", body, headers=headers).status in (400, 422)


@pytest.mark.parametrize("mode", ["huge", "cut", "take_and_drop"])
def test_whoever_leaves_in_the_middle_of_an_answer_fills_nobodys_terminal(simulator, mode):
    simulator.client.post("/v1/behaviour", {"mode": mode})
    body = json.dumps({"to": "+5511988887777", "text": "oi", "reference": "r1"}).encode()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", simulator.port)) as connection:
            head = f"Host: localhost:{simulator.port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            connection.sendall(f"POST /v1/messages HTTP/1.1\r\n{head}\r\n\r\n".encode() + body)
            connection.recv(100)
    assert simulator.stats["calls"] == {mode: 3}
    simulator.process.terminate()
    simulator.process.wait()
    assert simulator.printed.read_text() == ""


def test_its_page_tells_the_time_of_the_installation(simulator):
    at = datetime(2026, 7, 1, 2, 30, tzinfo=UTC).timestamp()
    simulator.take()
    simulator.process.kill()
    simulator.process.wait()
    entry = json.loads(simulator.log.read_text().splitlines()[0])
    simulator.log.write_text(json.dumps({**entry, "at": at}) + "\n")
    for zone, shown in (
        ("America/Sao_Paulo", "30/06/2026 23:30:00"),
        ("America/Rio_Branco", "30/06/2026 21:30:00"),
    ):
        simulator.start(TZ="UTC", DISPARO_TIMEZONE=zone)
        assert shown in simulator.client.get("/").raw.decode()
        simulator.process.kill()
        simulator.process.wait()


def test_lines_of_another_program_in_its_log_keep_it_from_nothing(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'\xff\xb1\n1\n"answered_at"\n[]\n{}\nnull\n')
    assert Store(log).stats()["taken"] == 0
