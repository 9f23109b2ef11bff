"""A server of which a part is gone ends, to be started anew: it would only seem to serve."""

from __future__ import annotations

import asyncio
import signal

import pytest

from disparo.api.server import serve
from disparo.dispatch.group_commit import Acceptor
from disparo.dispatch.intake import Intake
from disparo.errors import RESTART_ME
from disparo.settings import Settings


@pytest.fixture
def patience():
    """Whatever goes on listening is no server of ours."""

    def end(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


async def fall(*_):
    await asyncio.sleep(0.1)
    raise RuntimeError("lost")


@pytest.mark.parametrize("part", [Acceptor, Intake])
def test_a_part_that_falls_ends_the_server(dsn, monkeypatch, patience, part):
    monkeypatch.setattr(part, "run", fall)
    settings = Settings(host="127.0.0.1", port=0)
    assert serve(settings, dsn, certificate=None, load=lambda: settings) == RESTART_ME
