"""Who calls: the token, its life, its permissions, its rate (api.md §2)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request

from disparo.api.callers import read_address
from disparo.api.errors import Failure, Unauthenticated
from disparo.api.services import Services, services_of
from disparo.auth.permissions import Permission
from disparo.auth.tokens import InvalidToken
from disparo.db import tokens
from disparo.domain.windows import Purpose
from disparo.settings import Settings


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A user through an API client, with what the client is set to."""

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
    """Give the dependency of a route: raises Unauthenticated, TooMany, or Failure 403."""

    async def dependency(request: Request) -> ApiCaller:
        services = services_of(request)
        try:
            caller = await _authenticate(request, services)
        except Unauthenticated:
            # Guessing costs: counted by address, so that nobody is shut out by another.
            settings = services.settings
            await services.throttle.take(
                "address", address_of(request), per_s=settings.rate_per_s, burst=settings.rate_burst
            )
            raise
        request.state.caller = caller
        request.state.client_id = caller.client_id  # for the request's line in the log
        if permission not in caller.permissions:
            raise Failure(403, "Este usuário não tem permissão para esta operação")
        return caller

    return dependency


def address_of(request: Request) -> str:
    """Give the caller's address, as `api.callers` settled it."""
    return request.client.host if request.client else "local"


def may_read_metrics(request: Request, settings: Settings) -> bool:
    """Tell whether the caller has the token, or stands in one of the networks."""
    token = settings.metrics_token
    given = _token_of(request).encode("utf-8", "replace")
    if token is not None and hmac.compare_digest(given, token.get_secret_value().encode()):
        return True
    address = read_address(request.client.host) if request.client else None
    # The address of somebody who speaks for another, and is not trusted to, tells nothing of who asks.
    if address is None or getattr(request.state, "is_spoken_for", False):
        return False
    return any(address in network for network in settings.metrics_networks)


async def _authenticate(request: Request, services: Services) -> ApiCaller:
    try:
        claims = services.mint.verify(_token_of(request))
    except InvalidToken:
        raise Unauthenticated from None
    async with services.pool.acquire() as connection:
        row = await tokens.read_live(connection, claims.jti)
    if row is None:
        raise Unauthenticated
    settings = services.settings
    await services.throttle.take(
        "client",
        str(row["client_id"]),
        per_s=settings.rate_per_s if row["rate_per_s"] is None else row["rate_per_s"],
        burst=row["rate_burst"] or settings.rate_burst,
    )
    cap = row["extra_phones_per_day"]
    return ApiCaller(
        client_id=row["client_id"],
        user_id=row["user_id"],
        permissions=frozenset(row["permissions"]),
        error_codes=row["error_codes"],
        purpose=Purpose(row["purpose"]),
        repeat_window_s=row["repeat_window_s"],
        extra_phones_per_day=settings.max_extra_phones_per_day if cap is None else cap,
    )


def _token_of(request: Request) -> str:
    header = request.headers.get("authorization", "").strip()
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return header  # some clients send the bare token
