"""A new signing key: every server knows it before one signs with it, and what the old one signed goes on."""

from __future__ import annotations

import jwt
import pytest
from tests.support.client import Client
from tests.support.house import house as run_house


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    with run_house(
        new_database(), tmp_path_factory.mktemp("keys"), servers_count=2, workers_count=0
    ) as house:
        yield house


def kid(token):
    return jwt.get_unverified_header(token)["kid"]


def signing(house):
    """The keys that the servers sign with now."""
    account = house.account()
    servers = [Client(house.stage.base_of(server)) for server in house.stage.servers]
    return {kid(server.post("/oauth/token", account).json["access_token"]) for server in servers}


def works(house, client):
    """Whether each of the servers lets it in."""
    found = [
        Client(house.stage.base_of(server), client.token).get("/api/v1/integracao/cliente")
        for server in house.stage.servers
    ]
    assert len({answer.status for answer in found}) == 1
    return found[0].status != 401


def age(house, seconds):
    house.fetch("UPDATE signing_keys SET created_at = created_at - make_interval(secs => $1)", float(seconds))


def test_a_new_key_signs_once_all_know_it_and_the_old_ones_tokens_live_on(house):
    before = house.client()
    refused = house.command("token", "trocar-chave")
    assert (refused.returncode, "há poucos minutos" in refused.stderr) == (1, True), refused.stderr
    age(house, 601)
    done = house.command("token", "trocar-chave")
    assert done.returncode == 0, done.stderr
    assert "PRIVATE" not in done.stdout + done.stderr
    new = house.value("SELECT kid FROM signing_keys ORDER BY created_at DESC LIMIT 1")
    old = kid(before.token)
    assert old != new
    assert signing(house) == {old}  # the new one was made a moment ago: not every server may know it
    age(house, 61)
    house.until(lambda: signing(house) == {new}, seconds=30)
    after = house.client()
    assert works(house, before)
    assert works(house, after)
    made = house.command("token", "criar", house.value("SELECT email FROM users LIMIT 1"), "--cliente", "1")
    assert kid(made.stdout.strip()) == new
    age(house, 601)
    private = "SELECT count(*) FROM signing_keys WHERE private_pem <> ''"
    house.until(lambda: house.value(private) == 1, seconds=30)
    assert works(house, before)
    assert house.value("SELECT count(*) FROM audit_log WHERE action = 'signing_key_changed'") == 1
