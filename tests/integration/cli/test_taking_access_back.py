"""What an administrator does about access that went to the wrong hands."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from disparo.auth.tokens import digest, new_secret
from disparo.db import accounts, sessions, tokens

pytestmark = pytest.mark.anyio


async def signed_in(connection, name):
    """A user and a client of their own, with a pair of tokens."""
    user_id = await accounts.add_user(
        connection, email=f"{name}@example.com", name=name, password_hash="x", permissions=["send"]
    )
    client_id = await accounts.add_client(connection, name=name, secret_sha256=digest(name), settings={})
    now, secret = datetime.now(UTC), digest(new_secret())
    pair = tokens.NewPair(uuid4(), uuid4(), client_id, user_id, now, 60, secret, 3600)
    await tokens.add_pair(connection, pair)
    return user_id, client_id


async def who_goes_on(connection):
    return [row["email"] for row in await tokens.list_live(connection)]


async def test_a_users_or_a_clients_tokens_are_revoked_and_nobody_elses(command, connection):
    await signed_in(connection, "ana")
    _, client_id = await signed_in(connection, "bia")
    await signed_in(connection, "caio")
    assert command("token", "revogar", "--usuario", "ANA@example.com") == (0, "1 token(s) revogado(s).\n")
    assert sorted(await who_goes_on(connection)) == ["bia@example.com", "caio@example.com"]
    assert command("token", "revogar", "--cliente", client_id) == (0, "1 token(s) revogado(s).\n")
    assert await who_goes_on(connection) == ["caio@example.com"]
    assert not await connection.fetchval(
        "SELECT count(*) FROM refresh_tokens WHERE revoked_at IS NULL AND client_id = $1", client_id
    )
    told = await connection.fetch("SELECT detail FROM audit_log WHERE action = 'tokens_revoked' ORDER BY id")
    assert [row["detail"].split('"')[1] for row in told] == ["user", "client"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "Informe um token"),
        (("--todos", "--cliente", 1), "Informe um token"),
        (("--usuario", "ninguem@example.com"), "Não há usuário ninguem@example.com."),
        (("--cliente", 10**10), "Não há cliente de API 10000000000."),
        (("abc",), "abc não é um token"),
        ((str(uuid4()),), "não está em uso"),
    ],
)
async def test_whose_tokens_is_said_clearly_or_nothing_happens(command, connection, asked, said):
    await signed_in(connection, "ana")
    status, told = command("token", "revogar", *asked)
    assert (status, said in told) == (1, True), told
    assert await who_goes_on(connection) == ["ana@example.com"]
    assert not await connection.fetchval("SELECT count(*) FROM audit_log")


async def test_a_new_password_or_secret_tells_that_tokens_live_on(command, connection):
    _, client_id = await signed_in(connection, "ana")
    assert (
        "disparo token revogar --usuario ana@example.com" in command("usuario", "senha", "ana@example.com")[1]
    )
    assert f"disparo token revogar --cliente {client_id}" in command("cliente-api", "senha", client_id)[1]
    await connection.execute("UPDATE access_tokens SET expires_at = now()")  # it can still be renewed
    assert "token revogar" in command("usuario", "senha", "ana@example.com")[1]
    await tokens.revoke(connection)
    assert "token revogar" not in command("usuario", "senha", "ana@example.com")[1]


async def test_a_new_password_or_secret_opens_nothing_to_who_is_shut_out_and_it_is_said(command, connection):
    _, client_id = await signed_in(connection, "ana")
    assert "desativado" not in command("usuario", "senha", "ana@example.com")[1]
    command("usuario", "revogar", "ana@example.com")
    assert "Este usuário está desativado" in command("usuario", "senha", "ANA@example.com")[1]
    command("cliente-api", "revogar", client_id)
    told = command("cliente-api", "senha", client_id)
    assert told == (1, f"Erro: Não há cliente de API ativo {client_id}.\n")


async def test_who_is_shut_out_comes_back_with_no_old_session(command, connection):
    user_id, _ = await signed_in(connection, "ana")
    await sessions.add(connection, digest("a session"), user_id=user_id, password_hash="x")
    status, said = command("usuario", "revogar", "ana@example.com")
    assert (status, said) == (0, "Usuário desativado; 1 token(s) revogado(s).\n")
    await accounts.set_active(connection, user_id, active=True)
    assert await sessions.read_live(connection, digest("a session")) is None


async def test_that_nobody_administers_any_more_is_said_with_the_way_back(command, connection):
    for name, permissions in (("ana", ["admin"]), ("bia", ["send", "admin"]), ("caio", ["send"])):
        await accounts.add_user(
            connection, email=f"{name}@example.com", name=name, password_hash="x", permissions=permissions
        )
    revoked = [command("usuario", "revogar", f"{name}@example.com")[1] for name in ("ana", "caio", "bia")]
    assert ["último que administra" in said for said in revoked] == [False, False, True]
    assert "disparo usuario criar EMAIL --tudo" in revoked[-1]
