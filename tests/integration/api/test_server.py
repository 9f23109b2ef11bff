"""A server of which a part is gone ends, to be started anew: it would only seem to serve."""

from __future__ import annotations

import asyncio
import signal

import pytest

from disparo.api.app import _again_and_again
from disparo.api.certificate import Certificate, self_signed
from disparo.api.server import _config, serve
from disparo.dispatch.group_commit import Acceptor
from disparo.dispatch.intake import Intake
from disparo.errors import RESTART_ME, DatabaseUnavailable, DisparoError, PortTaken, SettingsInvalid
from disparo.settings import Settings
from disparo.settings_watch import SettingsWatch


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
    assert serve(settings, dsn, certificate=None, watch=SettingsWatch(lambda: settings)) == RESTART_ME


def test_a_fault_at_the_start_is_not_called_a_port_in_use(empty_dsn, patience):
    settings = Settings(host="127.0.0.1", port=0)
    with pytest.raises(DisparoError, match="o erro está no registro, logo acima") as refused:
        serve(settings, empty_dsn, certificate=None, watch=SettingsWatch(lambda: settings))
    assert not isinstance(refused.value, PortTaken)


@pytest.mark.anyio
async def test_what_only_looks_begins_anew(monkeypatch):
    begun = []

    async def look():
        begun.append(1)
        if len(begun) < 3:
            raise RuntimeError("lost")
        await asyncio.sleep(60)

    monkeypatch.setattr("disparo.api.app._PAUSE_S", 0.01)
    looking = asyncio.create_task(_again_and_again(look))
    async with asyncio.timeout(10):
        while len(begun) < 3:
            await asyncio.sleep(0.01)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


def test_a_certificate_of_another_key_is_said(dsn, tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = (self_signed(tmp_path / name, "127.0.0.1") for name in ("one", "other"))
    settings = Settings(host="127.0.0.1", port=0)
    wrong = Certificate(one.certificate, other.key)
    with pytest.raises(SettingsInvalid, match="certificado e a chave"):
        serve(settings, dsn, certificate=wrong, watch=SettingsWatch(lambda: settings))


def test_a_database_that_cannot_be_used_is_said(dsn):
    settings = Settings(host="127.0.0.1", port=0)
    gone = dsn.replace("/test_", "/gone_")
    with pytest.raises(DatabaseUnavailable):
        serve(settings, gone, certificate=None, watch=SettingsWatch(lambda: settings))


def test_an_idle_connection_is_kept_longer_than_nginx_keeps_its_own():
    # Its call would cross with our closing, which nginx tells its caller as 502.
    assert _config(Settings(), None).timeout_keep_alive > 60
