"""People are told, once, that the service of a machine is not ready, where no worker can tell them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.support.serving import serving
from tests.support.stage import free_port

from disparo.cli import health_watch
from disparo.cli.health_watch import watch_health
from disparo.cli.outage import Outage
from disparo.settings import load_settings

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:.imghdr. is deprecated:DeprecationWarning"),
]
READY = {"banco_de_dados": True, "migracoes": True, "workers": True}
REASONS = {"banco_de_dados": {"motivo": "o banco de dados não responde"}}


class House:
    """A service, and somebody who is told: both answer what they are bidden to."""

    def __init__(self) -> None:
        self.checks: dict[str, bool] | None = READY
        self.tells = 200
        self.heard: list[str] = []
        self.refused = 0
        self.answered: list[bool] = []  # each look: whether all was well

    @contextmanager
    def open(self) -> Iterator[str]:
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                checks = house.checks
                if checks is None:  # a connection that ends without a word
                    return
                found = {name: {"ok": ok, **REASONS.get(name, {})} for name, ok in checks.items()}
                body = json.dumps({"verificacoes": found})
                self.send_response(200 if all(checks.values()) else 503)
                self.end_headers()
                self.wfile.write(body.encode())
                house.answered.append(all(checks.values()))

            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if house.tells == 200:
                    house.heard.append(f"{said['title']} | {said['message']}")
                else:
                    house.refused += 1
                self.send_response(house.tells)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        # No port of the system's: who watches asks once more after the end, and another test may have got it by then.
        server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        with serving(server):
            yield f"127.0.0.1:{server.server_port}"

    async def hears(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.heard) < count:
                await asyncio.sleep(0.02)

    async def refuses(self) -> None:
        async with asyncio.timeout(20):
            while not self.refused:
                await asyncio.sleep(0.02)

    async def is_looked_at(self, times: int) -> None:
        """Wait for so many looks that find what is so now; while the last is being answered all is known of the first."""
        before = len(self.answered)
        well = self.checks is not None and all(self.checks.values())
        async with asyncio.timeout(20):
            while self.answered[before:].count(well) < times:
                await asyncio.sleep(0.01)

    async def keeps(self, *, is_told: bool) -> None:
        async with asyncio.timeout(20):
            while self.outage.is_told is not is_told:
                await asyncio.sleep(0.02)


@pytest.fixture
async def house(monkeypatch, tmp_path):
    monkeypatch.setattr(health_watch, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(health_watch, "SILENT_S", 0.6)
    monkeypatch.setattr(health_watch, "_TELL_EVERY_S", 0.1)
    house = House()
    with house.open() as address:
        monkeypatch.setenv("DISPARO_ALERTS", json.dumps([f"json://{address}/"]))
        house.url, house.outage = f"http://{address}/saude", Outage(tmp_path)
        watching = asyncio.create_task(watch_health(house.url, load_settings(), house.outage))
        yield house
        watching.cancel()


@pytest.mark.parametrize(
    ("checks", "why"),
    [
        ({**READY, "banco_de_dados": False, "workers": False}, "o banco de dados não responde"),
        ({**READY, "workers": False}, "nenhum worker trabalha"),
        (None, "o servidor não responde"),
    ],
)
async def test_once_when_it_has_not_been_ready_for_a_while_and_once_when_it_is(house, checks, why):
    house.checks = checks
    await house.hears(1)
    await asyncio.sleep(0.4)  # it would be told every 0.1 s
    assert len(house.heard) == 1
    assert house.heard[0].startswith("Disparo: atenção | O Disparo da máquina ")
    assert f". Motivo: {why}" in house.heard[0]
    house.checks = READY
    await house.hears(2)
    await asyncio.sleep(0.4)  # it would be told every 0.1 s
    assert len(house.heard) == 2
    assert house.heard[1].startswith("Disparo: resolvido | ")


async def test_a_restart_is_nothing_to_be_told_of(house):
    for _ in range(4):
        house.checks = {**READY, "banco_de_dados": False}
        await house.is_looked_at(2)  # no look counts for more than 0.1 s
        house.checks = READY
        await house.is_looked_at(2)
    assert house.heard == []


async def test_the_end_that_a_restart_brought_is_told_by_the_next_start(house):
    house.checks = {**READY, "workers": False}
    await house.hears(1)
    await house.keeps(is_told=True)
    house.checks = READY
    await house.hears(2)  # by the one that began it
    await house.keeps(is_told=False)
    house.outage.note_told(is_told=True)
    again = asyncio.create_task(watch_health(house.url, load_settings(), house.outage))
    await house.hears(3)
    assert [said.partition(" | ")[0] for said in house.heard[1:]] == ["Disparo: resolvido"] * 2
    await house.keeps(is_told=False)
    again.cancel()


async def test_whoever_could_not_be_told_is_told_later(house):
    house.tells, house.checks = 500, {**READY, "workers": False}
    await house.refuses()
    house.tells = 200
    await house.hears(1)


async def test_nobody_is_told_of_an_end_whose_beginning_nobody_heard(house):
    house.tells, house.checks = 500, {**READY, "workers": False}
    await house.refuses()
    house.checks = READY
    await house.is_looked_at(2)
    house.tells = 200
    await house.is_looked_at(5)
    assert house.heard == []


async def test_an_address_where_nobody_listens_is_a_server_that_does_not_answer():
    assert health_watch._missing(f"http://127.0.0.1:{free_port()}/saude") == health_watch._NO_ANSWER
