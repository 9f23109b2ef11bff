"""A database that is there and lets nobody in is away like any other: nothing is lost, and callers may come again."""

from __future__ import annotations

import signal
from contextlib import contextmanager

import pytest
from tests.conftest import run_admin

_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


@contextmanager
def nobody_let_in(dsn, name, how):
    close, open_again = {
        "renamed": (f"ALTER DATABASE {name} RENAME TO {name}_x", f"ALTER DATABASE {name}_x RENAME TO {name}"),
        "closed": (
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS true",
        ),
    }[how]
    # As one: those that were ended come back at once. The one that is let in last ends all there are.
    run_admin(dsn, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    run_admin(dsn, _END.format(name=name))
    run_admin(dsn, close)
    try:
        yield
    finally:
        run_admin(dsn, open_again)
        run_admin(dsn, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@pytest.mark.parametrize("how", ["renamed", "closed"])
def test_an_outcome_is_kept_and_a_call_comes_again(house, client, admin_dsn, how):
    name = house.value("SELECT current_database()::text")
    house.behave(receipts=[])
    platform, before = house.stage.roles["simulator"], len(house.received(""))
    platform.signal(signal.SIGSTOP)  # its answer comes when nobody is let in, and not before
    try:
        sent = client.send({"id_fatura": 11000})
        house.until(lambda: house.states(client, sent) == ["enviando"])
        with nobody_let_in(admin_dsn, name, how):
            house.until(lambda: house.anonymous.get("/saude").status == 503)
            platform.signal(signal.SIGCONT)
            house.until(lambda: len(house.received("")) > before)
            answer = client.send({"id_fatura": 11000})
            assert answer.status == 503, answer.raw
            assert answer.headers["retry-after"]
            house.until(lambda: "record_waits_for_database" in house.stage.workers[0].log.read_text())
    finally:
        platform.signal(signal.SIGCONT)
    house.until_state(client, sent, "entregue_a_plataforma")
    logs = "".join(role.log.read_text() for role in [*house.stage.workers, *house.stage.servers])
    assert "record_refused" not in logs
    assert "round_failed" not in logs
