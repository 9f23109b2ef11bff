"""Users and API clients: added, given another secret, shut out; the same from the panel and the command line.

Each is written down in the audit log as what `actor` did, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from disparo.auth.tokens import digest, new_secret
from disparo.db import accounts, sessions, tokens
from disparo.db.pool import Connection

LONGEST_EMAIL = 320
LARGEST_CLIENT_ID = 2**31 - 1
#: Within so many seconds, at most, the same invoice does not go again to the same number.
LONGEST_REPEAT_WINDOW_S = 86_400


def is_email(text: str) -> bool:
    """Tell whether somebody could have this e-mail; whether anybody has it is not asked."""
    name, _, domain = text.partition("@")
    is_one = bool(name) and "." in domain and " " not in text
    return is_one and text.isprintable() and len(text) <= LONGEST_EMAIL


async def add_user(
    connection: Connection,
    *,
    email: str,
    name: str,
    password_hash: str,
    permissions: Sequence[str],
    actor: str,
) -> int | None:
    """Add a user; gives the id, None where the e-mail is taken."""
    user_id = await accounts.add_user(
        connection, email=email, name=name, password_hash=password_hash, permissions=permissions
    )
    if user_id is not None:
        detail = {"user": user_id, "permissions": list(permissions)}
        await accounts.audit(connection, actor=actor, action="user_created", detail=detail)
    return user_id


async def shut_out_user(connection: Connection, user_id: int, *, actor: str) -> int | None:
    """Shut a user out at once: sessions and tokens end. Gives how many tokens; None: no such user."""
    if not await accounts.set_active(connection, user_id, active=False):
        return None
    await sessions.end_all(connection, user_id)
    revoked = await tokens.revoke(connection, user_id=user_id)
    await accounts.audit(connection, actor=actor, action="user_revoked", detail={"user": user_id})
    return revoked


async def add_client(
    connection: Connection, *, name: str, settings: Mapping[str, object], actor: str
) -> tuple[int, str]:
    """Add an API client, set to `settings` as `db.accounts` has them; gives its id and its secret."""
    secret = new_secret()
    client_id = await accounts.add_client(
        connection, name=name, secret_sha256=digest(secret), settings=settings
    )
    await _audit_client(connection, actor, "client_created", client_id)
    return client_id, secret


async def renew_secret(connection: Connection, client_id: int, *, actor: str) -> str | None:
    """Give an API client another secret; tokens that were issued stay alive. None: no such active client."""
    secret = new_secret()
    if not await accounts.set_client_secret(connection, client_id, digest(secret)):
        return None
    await _audit_client(connection, actor, "client_secret_changed", client_id)
    return secret


async def shut_out_client(connection: Connection, client_id: int, *, actor: str) -> int | None:
    """Shut an API client out at once, with every token of its. Gives how many; None: no such client."""
    if not await accounts.deactivate_client(connection, client_id):
        return None
    revoked = await tokens.revoke(connection, client_id=client_id)
    await _audit_client(connection, actor, "client_revoked", client_id)
    return revoked


async def _audit_client(connection: Connection, actor: str, action: str, client_id: int) -> None:
    await accounts.audit(connection, actor=actor, action=action, detail={"client": client_id})
