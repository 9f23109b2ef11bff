"""Admits callers: the token, its permissions, the client's rate (docs/api.md §2)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import Request

from disparo.api.callers import read_address
from disparo.api.errors import Failure, Unauthenticated
from disparo.api.header_fields import field_of
from disparo.api.services import Services, services_of
from disparo.auth import signing_keys
from disparo.auth.live_tokens import Grant, grant_to
from disparo.auth.permissions import Permission
from disparo.auth.throttle import same_line
from disparo.auth.tokens import InvalidToken
from disparo.db import accounts
from disparo.domain.windows import Purpose
from disparo.settings import Settings
from disparo.sources.base import SourceDown


class ApiCaller(NamedTuple):
    """A user who calls through an API client, with the client's settings."""

    client_id: int
    user_id: int
    permissions: frozenset[str]
    error_codes: str
    purpose: Purpose
    repeat_window_s: int
    extra_phones_per_day: int

    @property
    def actor(self) -> str:
        """How events and the audit name them."""
        return f"client:{self.client_id}/user:{self.user_id}"


def require(permission: Permission) -> Callable[[Request], Awaitable[ApiCaller]]:
    """Give the dependency of a route that admits its callers: see `admit`."""

    async def dependency(request: Request) -> ApiCaller:
        return await admit(request, services_of(request), permission)

    return dependency


async def admit(
    request: Request, services: Services, permission: Permission, *, remembered: bool = False
) -> ApiCaller:
    """Admit a caller; raises Unauthenticated, TooMany, or Failure 403.

    `remembered`: a token that this process knows to be alive is not looked up in the database.
    """
    try:
        grant = await _authenticate(request, services, remembered=remembered)
    except Unauthenticated:
        # Guessing costs: counted by address, so that nobody is shut out by another.
        settings = services.settings
        await services.throttle.take(
            "address", line_of(request), per_s=settings.rate_per_s, burst=settings.rate_burst
        )
        raise
    caller = await _caller(services, grant)
    request.scope["state"].update(
        caller=caller,
        permission=permission,
        client_id=caller.client_id,  # for the request's line in the log
    )
    _check_permission(grant, permission)
    return caller


async def admit_still(request: Request) -> None:
    """Look again at a caller whose body took a while: raises Unauthenticated or Failure 403.

    One byte a minute keeps a call open for weeks, and whose token is revoked must do nothing any more.
    """
    permission: Permission | None = getattr(request.state, "permission", None)
    if permission is not None:  # else nobody had to be admitted
        _check_permission(await _authenticate(request, services_of(request), remembered=True), permission)


def _check_permission(grant: Grant, permission: Permission) -> None:
    if permission not in grant.permissions:
        raise Failure(403, "Este usuário não tem permissão para esta operação")


def address_of(request: Request) -> str:
    """Give the caller's address, as `callers` found it."""
    return request.client.host if request.client else "local"


def line_of(request: Request) -> str:
    """Give the name under which the calls of whoever has the caller's address are counted."""
    return same_line(address_of(request))


def may_read_metrics(request: Request, settings: Settings) -> bool:
    """Tell whether a caller has the metrics token, or an address in one of the networks."""
    token = settings.metrics_token
    given = token_of(request).encode("utf-8", "replace")
    if token is not None and hmac.compare_digest(given, token.get_secret_value().encode()):
        return True
    address = read_address(request.client.host) if request.client else None
    # The address of somebody who speaks for another, and is not trusted to, tells nothing of who asks.
    if address is None or getattr(request.state, "is_spoken_for", False):
        return False
    return any(address in network for network in settings.metrics_networks)


async def _authenticate(request: Request, services: Services, *, remembered: bool) -> Grant:
    """Give what the token of a call grants; raises Unauthenticated or TooMany."""
    token = token_of(request)
    await signing_keys.catch_up(services.quick, services.mint)
    try:
        claims = services.mint.verify(token)
    except InvalidToken:
        if services.mint.made(token):
            raise Unauthenticated from None
        return await _of_hubsoft(request, services, token)
    live = services.live_tokens
    grant = await (live.read_remembered if remembered else live.read)(claims.jti)
    if grant is None:
        raise Unauthenticated
    return grant


async def _of_hubsoft(request: Request, services: Services, token: str) -> Grant:
    """Admit a token that HubSoft confirms, as the API client set for that: single sends and lookups."""
    settings, beside = services.settings, services.beside
    if beside is None or beside.tokens is None or settings.hubsoft_local_client is None:
        raise Unauthenticated
    if beside.tokens.remembered(token) is None:
        await services.throttle.take(
            "hubsoft-token", line_of(request), per_s=settings.rate_per_s, burst=settings.rate_burst
        )
    try:
        lives = await beside.tokens.lives(token)
    except SourceDown:
        msg = "O HubSoft não respondeu se este token vale; tente novamente em instantes"
        raise Failure(503, msg, headers={"Retry-After": "5"}) from None
    async with services.quick.acquire() as connection:
        row = await accounts.find_client(connection, settings.hubsoft_local_client) if lives else None
    if row is None:
        raise Unauthenticated
    client = {**row, "client_id": row["id"]}
    return grant_to(client, 0, [Permission.SEND], datetime.max.replace(tzinfo=UTC))


async def _caller(services: Services, grant: Grant) -> ApiCaller:
    """Count a call of a client, and give who it is; raises TooMany."""
    settings = services.settings
    await services.throttle.take(
        "client",
        str(grant.client_id),
        per_s=settings.rate_per_s if grant.rate_per_s is None else grant.rate_per_s,
        burst=grant.rate_burst or settings.rate_burst,
    )
    cap = grant.extra_phones_per_day
    return ApiCaller(
        client_id=grant.client_id,
        user_id=grant.user_id,
        permissions=grant.permissions,
        error_codes=grant.error_codes,
        purpose=grant.purpose,
        repeat_window_s=grant.repeat_window_s,
        extra_phones_per_day=settings.max_extra_phones_per_day if cap is None else cap,
    )


def token_of(request: Request) -> str:
    """Give the token as it came, with its scheme or without; empty where there is none."""
    header = field_of(request, b"authorization", "").strip()
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return header  # some clients send the bare token
