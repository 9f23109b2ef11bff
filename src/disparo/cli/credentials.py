"""Making users and API clients: passwords and secrets are random, shown once, stored hashed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from disparo.auth.passwords import hash_password, new_password
from disparo.auth.permissions import Permission
from disparo.auth.tokens import digest, new_secret
from disparo.cli.context import actor
from disparo.db import accounts
from disparo.db.pool import Connection
from disparo.errors import DisparoError

ALL_PERMISSIONS = tuple(str(permission) for permission in Permission)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Everything `/oauth/token` asks for."""

    client_id: int
    client_secret: str
    username: str
    password: str


async def make_user(
    connection: Connection, email: str, *, name: str, password: str, permissions: Sequence[str]
) -> int:
    """Add a user; raises DisparoError where the e-mail is taken."""
    user_id = await accounts.add_user(
        connection, email=email, name=name, password_hash=hash_password(password), permissions=permissions
    )
    if user_id is None:
        raise DisparoError(f"Já existe um usuário com o e-mail {email}.")
    detail = {"user": user_id, "permissions": list(permissions)}
    await accounts.audit(connection, actor=actor(), action="user_created", detail=detail)
    return user_id


async def make_client(connection: Connection, name: str, settings: Mapping[str, object]) -> tuple[int, str]:
    """Add an API client; gives its id and its secret."""
    secret = new_secret()
    client_id = await accounts.add_client(
        connection, name=name, secret_sha256=digest(secret), settings=settings
    )
    await accounts.audit(connection, actor=actor(), action="client_created", detail={"client": client_id})
    return client_id, secret


async def make_both(connection: Connection, email: str, client_name: str) -> Credentials:
    """Make a user with every permission and a client: what a first start, or a demonstration, needs."""
    password = new_password()
    await make_user(connection, email, name="", password=password, permissions=ALL_PERMISSIONS)
    client_id, secret = await make_client(connection, client_name, {})
    return Credentials(client_id, secret, email, password)


def has_terminal() -> bool:
    """Tell whether a person can be asked for what nobody should see."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return sys.stdin.isatty()
    return True
