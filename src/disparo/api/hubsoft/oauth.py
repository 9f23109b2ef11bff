"""`POST /oauth/token`: OAuth 2.0 password grant (RFC 6749 §4.3) and refresh grant (§6)."""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from disparo.api.access import line_of
from disparo.api.bodies import read_fields
from disparo.api.errors import Failure, Refusal, answer_429
from disparo.api.hubsoft.pass_through import forward_login
from disparo.api.schemas import OAUTH_RESPONSES, TOKEN_BODY
from disparo.api.services import Services, services_of
from disparo.auth.enrolment import LONGEST_EMAIL
from disparo.auth.passwords import TooManyLogins
from disparo.auth.throttle import OF_A_NAME, same_name
from disparo.auth.tokens import digest, new_secret
from disparo.db import accounts, tokens
from disparo.db.pool import Connection

router = APIRouter()

_REFRESH_LIVES = 2  # a refresh token outlives its access token by as much again
#: Two workers that share a token file refresh at nearly the same time: both get a pair.
_REUSE_WINDOW_S = 60.0
_CLIENT_ID = re.compile(r"[0-9]{1,9}")
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthFailure(Exception):
    """What the client is told; RFC 6749 §5.2 with the words of the server that clients here know."""

    def __init__(self, status: int, error: str, description: str, hint: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "error_description": description, "message": description}
        if hint is not None:
            self.body["hint"] = hint

    @property
    def is_unknown_client(self) -> bool:
        """Whether the client may be one of another server's."""
        return self.body["error"] == "invalid_client"


@router.post("/oauth/token", tags=["Autenticação"], responses=OAUTH_RESPONSES, openapi_extra=TOKEN_BODY)
async def issue_token(request: Request) -> Response:
    """Emite um token de acesso (grant_type `password`) ou o renova (`refresh_token`)."""
    services = services_of(request)
    await _count(services, "oauth-address", line_of(request))
    try:
        fields = await read_fields(request, services.settings.body_limit_bytes)
        answer = await _grant(request, fields)
    except OAuthFailure as failure:
        if failure.is_unknown_client and services.settings.hubsoft_login and services.beside is not None:
            return await forward_login(request, services.beside, request.state.raw_body)
        return JSONResponse(failure.body, status_code=failure.status, headers=_NO_STORE)
    except Refusal as refusal:
        malformed = OAuthFailure(400, "invalid_request", refusal.msg)
        return JSONResponse(malformed.body, status_code=400, headers=_NO_STORE)
    except Failure as unreadable:
        body = OAuthFailure(unreadable.status, "invalid_request", unreadable.msg).body
        return JSONResponse(body, status_code=unreadable.status, headers=_NO_STORE)
    except TooManyLogins:
        return answer_429(2)
    return JSONResponse(answer, headers=_NO_STORE)


async def _count(services: Services, kind: str, who: str, times: int = 1) -> None:
    settings = services.settings
    await services.throttle.take(
        kind, who, per_s=settings.token_rate_per_min / 60 * times, burst=settings.token_rate_burst * times
    )


async def _grant(request: Request, fields: dict[str, Any]) -> dict[str, Any]:
    services = services_of(request)
    grant = fields.get("grant_type")
    if grant not in ("password", "refresh_token"):
        raise OAuthFailure(
            400,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
            "Check that all required parameters have been provided",
        )
    client = await _check_client(services, fields)
    request.state.client_id = client["id"]  # for the request's line in the log
    if grant == "refresh_token":
        return await _refresh(services, client, _required(fields, "refresh_token"))
    return await _log_in(services, client, _required(fields, "username"), _required(fields, "password"))


async def _check_client(services: Services, fields: dict[str, Any]) -> asyncpg.Record:
    given = fields.get("client_id")
    if given is None or given == "":
        raise _missing("client_id")
    secret = _required(fields, "client_secret")
    text = str(given) if isinstance(given, int | str) and not isinstance(given, bool) else ""
    row = None
    if _CLIENT_ID.fullmatch(text.strip()):
        async with services.quick.acquire() as connection:
            row = await accounts.find_client(connection, int(text))
    if row is None or not hmac.compare_digest(bytes(row["secret_sha256"]), digest(secret)):
        raise OAuthFailure(401, "invalid_client", "Client authentication failed")
    # Only now: an unproven name must not use up another client's calls.
    await _count(services, "oauth-client", str(row["id"]))
    return row


async def _log_in(services: Services, client: asyncpg.Record, username: str, password: str) -> dict[str, Any]:
    invalid = OAuthFailure(401, "invalid_credentials", "The user credentials were incorrect.")
    email = username.strip()
    await _count(services, "oauth-user", same_name(email), OF_A_NAME)
    row = None
    if _is_plain(email):
        async with services.quick.acquire() as connection:
            row = await accounts.find_user(connection, email)
    if not await services.passwords.verify(row["password_hash"] if row else None, password) or row is None:
        raise invalid
    async with services.quick.acquire() as connection:
        answer = await _issue(services, connection, client, row, family_id=uuid4())
    if answer is None:
        raise invalid
    return answer


async def _refresh(services: Services, client: asyncpg.Record, token: str) -> dict[str, Any]:
    invalid = OAuthFailure(401, "invalid_request", "The refresh token is invalid.")
    token_sha256 = digest(token)
    async with services.quick.acquire() as connection, connection.transaction():
        row = await tokens.lock_refresh(connection, token_sha256)
        if row is None or row["client_id"] != client["id"] or not row["is_usable"]:
            raise invalid
        stolen = row["age_s"] is not None and not (row["age_s"] <= _REUSE_WINDOW_S and row["is_last_rotated"])
        answer = None
        if stolen:
            await tokens.revoke(connection, family_id=row["family_id"])
        else:
            answer = await _issue(services, connection, client, row, family_id=row["family_id"])
            if answer is not None:
                await tokens.mark_rotated(connection, token_sha256)
    if answer is None:  # outside the transaction, which may have a revocation to commit
        raise invalid
    return answer


async def _issue(
    services: Services,
    connection: Connection,
    client: asyncpg.Record,
    user: asyncpg.Record,
    *,
    family_id: UUID,
) -> dict[str, Any] | None:
    """Issue a pair; None where `client` or `user` changed since they were read and checked."""
    now, lifetime_s, refresh = datetime.now(UTC), services.settings.access_token_s, new_secret()
    jti = uuid4()
    pair = tokens.NewPair(
        jti=jti,
        family_id=family_id,
        client_id=client["id"],
        user_id=user["id"],
        issued_at=now,
        access_s=lifetime_s,
        refresh_sha256=digest(refresh),
        refresh_s=lifetime_s * _REFRESH_LIVES,
        password_hash=user["password_hash"],
        secret_sha256=client["secret_sha256"],
    )
    if not await tokens.add_pair(connection, pair):
        return None
    signed = services.mint.sign(
        jti=jti,
        client_id=pair.client_id,
        user_id=pair.user_id,
        scopes=user["permissions"],
        now=now,
        lifetime_s=lifetime_s,
    )
    return {
        "token_type": "Bearer",
        "expires_in": lifetime_s,
        "access_token": signed,
        "refresh_token": refresh,
    }


def _required(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # a password of digits, written without quotes
    if not isinstance(value, str) or not value:
        raise _missing(name)
    return value


def _missing(name: str) -> OAuthFailure:
    return OAuthFailure(
        400,
        "invalid_request",
        "The request is missing a required parameter, includes an invalid parameter value, "
        "includes a parameter more than once, or is otherwise malformed.",
        f"Check the `{name}` parameter",
    )


def _is_plain(text: str) -> bool:
    """Tell whether PostgreSQL can be asked for it: no NUL, no lone surrogate, no novel."""
    return "\0" not in text and len(text) <= LONGEST_EMAIL and text.isprintable()
