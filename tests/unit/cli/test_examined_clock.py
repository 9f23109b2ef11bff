"""The doctor compares this machine's clock with the one that `clock_url` names, whatever that one's answer says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from tests.support.stage import free_port

from disparo.cli.examine import network
from disparo.cli.examine.clock import judge_clock, judge_kept
from disparo.cli.examine.finding import Grade
from disparo.settings import Settings


@contextmanager
def answering(date: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            del timestamp
            return date.format(now=formatdate().rpartition(" ")[0])

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@pytest.fixture
def _in_brazil(monkeypatch):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("date", "grade", "says"),
    [
        ("{now} GMT", Grade.OK, "diferença"),
        # Nothing is said of a zone (RFC 5322 §3.3): it is no local time all the same.
        ("{now} -0000", Grade.OK, "diferença"),
        ("agora mesmo", Grade.NOTE, "não disse as horas"),
        ("Sun, 31 Feb 2026 25:61:00 GMT", Grade.NOTE, "não disse as horas"),
    ],
)
@pytest.mark.usefixtures("_in_brazil")
def test_whatever_stands_in_its_date(date, grade, says):
    with answering(date) as url:
        found = asyncio.run(network.examine_network(Settings(port=free_port(), clock_url=url)))
    (clock,) = [each for each in found if each.subject == "relógio"]
    assert (clock.grade, says in clock.text) == (grade, True)


def test_a_difference_is_told_with_the_comma_of_portuguese():
    assert judge_clock("do banco", -1.26).text == "diferença para o relógio do banco: 1,3 s"


@pytest.mark.parametrize(
    ("apart_s", "grade"),
    [(1.9, Grade.OK), (2.0, Grade.NOTE), (-59.9, Grade.NOTE), (60.0, Grade.WRONG), (-3600.0, Grade.WRONG)],
)
def test_how_far_two_clocks_may_be_apart(apart_s, grade):
    assert judge_clock("do banco", apart_s).grade is grade


@pytest.mark.parametrize(("state", "grades"), [(-1, []), (0, [Grade.OK]), (4, [Grade.OK]), (5, [Grade.NOTE])])
def test_what_sets_the_clock_is_told_where_the_kernel_says_it(state, grades):
    assert [finding.grade for finding in judge_kept(state)] == grades
