"""Who is at the panel: the session, the forgery token, the permission; every page passes here."""

from __future__ import annotations

import hmac
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from disparo.auth.permissions import Permission
from disparo.auth.tokens import digest, new_secret
from disparo.db import sessions
from disparo.panel import fields
from disparo.panel.routing import only_looks
from disparo.panel.services import services_of

_LONGEST_TOKEN = 100
#: A form that took longer: who sends it may have been shut out meanwhile.
_LATE_S = 1.0
_CUT_SHORT = "\r\nARQUIVO INCOMPLETO: a sessão terminou antes do fim.\r\n"


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer."""


class Forbidden(Exception):
    """This person may not do this: for want of all of these permissions, of which one would do."""

    def __init__(self, *any_of: str) -> None:
        super().__init__()
        self.any_of = any_of


class Forged(Exception):
    """A form that does not come from a page of ours, or from one of an earlier session."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in."""

    user_id: int
    email: str
    name: str
    permissions: frozenset[str]
    token_sha256: bytes

    @property
    def actor(self) -> str:
        """How events and the audit name them."""
        return f"user:{self.user_id}"

    def may(self, *any_of: str) -> bool:
        """Tell whether they have one of these permissions."""
        return not self.permissions.isdisjoint(any_of)


Page = Callable[[Request, Person], Awaitable[Response]]
#: Whoever may do anything may look.
ANY = tuple(Permission)


def page(
    work: Page, *any_of: Permission, changes: bool = True, streams: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """Give the endpoint of a page for signed-in people with one of these permissions.

    `changes`: its form is for more than looking. `streams`: it is written while it is read, for minutes
    maybe; HEAD begins none of that.
    """

    async def endpoint(request: Request) -> Response:
        person = await _person(request)
        if not only_looks(request):
            began = time.monotonic()
            await fields.read_form(request)
            if time.monotonic() - began > _LATE_S:
                person = await _still(request, person)
            await check_form(request)
        if any_of and not person.may(*any_of):
            raise Forbidden(*any_of)
        request.state.may_have_changed = changes and not only_looks(request)
        if streams and request.method == "HEAD":
            return Response()
        answer = await work(request, person)
        if streams and isinstance(answer, StreamingResponse):
            answer.body_iterator = _while_admitted(answer.body_iterator, request, person, any_of)
        return answer

    return endpoint


async def _while_admitted(
    pieces: AsyncIterable[Any], request: Request, person: Person, any_of: Sequence[Permission]
) -> AsyncIterator[Any]:
    """Hand on what is written for minutes while its reader may read it; whoever may no more is told."""
    looked = time.monotonic()
    async for piece in pieces:
        if time.monotonic() - looked > _LATE_S:
            looked = time.monotonic()
            try:
                person = await _still(request, person)
            except SignInNeeded:
                yield _CUT_SHORT
                return
            if any_of and not person.may(*any_of):
                yield _CUT_SHORT
                return
        yield piece


async def _person(request: Request) -> Person:
    token = request.cookies.get(cookie_name(request), "")
    if not token or len(token) > _LONGEST_TOKEN:
        raise SignInNeeded
    token_sha256 = digest(token)
    async with services_of(request).pool.acquire() as connection:
        row = await sessions.read_live(connection, token_sha256)
        # A page that renews itself is no sign of a person.
        is_stream = request.headers.get("accept") == "text/event-stream"
        by_itself = is_stream or request.headers.get("hx-trigger", "").startswith("auto-")
        # A part of a page shows no notice: the page that is on its way meanwhile does. Nor does HEAD.
        is_whole = "hx-request" not in request.headers and request.method != "HEAD"
        tells = row is not None and bool(row["notice"]) and is_whole
        if row is not None and not by_itself and (row["is_stale"] or tells):
            await sessions.touch(connection, token_sha256, told=tells)
    if row is None:
        raise SignInNeeded
    request.state.csrf = csrf_of(token)
    request.state.notice = row["notice"]
    person = Person(row["user_id"], row["email"], row["name"], frozenset(row["permissions"]), token_sha256)
    request.state.person = person
    return person


async def _still(request: Request, person: Person) -> Person:
    """Give a person as they are now: one byte a minute keeps a form on its way for weeks."""
    async with services_of(request).pool.acquire() as connection:
        row = await sessions.read_live(connection, person.token_sha256)
    if row is None:
        raise SignInNeeded
    return replace(person, permissions=frozenset(row["permissions"]))


def cookie_name(request: Request) -> str:
    """Give the session cookie's name: with HTTPS one that no other host and no plain page can set."""
    return "__Host-painel" if request.url.scheme == "https" else "painel"


def set_cookie(request: Request, response: Response, token: str | None) -> None:
    """Give the browser a session's token, or take it away."""
    response.set_cookie(
        cookie_name(request),
        token or "",
        max_age=int(sessions.LONGEST_S) if token else 0,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def csrf_of(token: str) -> str:
    """Give what forms of this session carry: nobody who cannot read the cookie can make it."""
    return hmac.new(token.encode(), b"csrf", sha256).hexdigest()


async def check_form(request: Request) -> None:
    """Refuse a form from elsewhere; raises Forged."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forged
    given = request.headers.get("x-csrf-token")
    if given is None:
        field = (await fields.read_form(request)).get("csrf")
        given = field if isinstance(field, str) else ""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), request.state.csrf.encode()):
        raise Forged


async def begin(request: Request, user: Mapping[str, Any] | asyncpg.Record) -> str | None:
    """Begin a session under a new token, whatever the browser came with; gives the token.

    None, and nothing is changed, where `user` is shut out or has another password than when it was read.
    """
    token, old = new_secret(), request.cookies.get(cookie_name(request), "")
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        begun = await sessions.add(
            connection, digest(token), user_id=user["id"], password_hash=user["password_hash"]
        )
        if begun and old:
            await sessions.end(connection, digest(old))
    return token if begun else None
