"""Signing in and out, with the same users as the API."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

import asyncpg
from starlette.background import BackgroundTask
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from disparo.auth.enrolment import LONGEST_EMAIL
from disparo.auth.passwords import TooManyLogins
from disparo.auth.throttle import OF_A_NAME, same_line, same_name
from disparo.auth.tokens import new_secret
from disparo.db import accounts, sessions
from disparo.db.pool import TRANSIENT
from disparo.panel import access, fields
from disparo.panel.access import Person
from disparo.panel.pages import address_of, render, see
from disparo.panel.routing import only_looks, page_before
from disparo.panel.services import services_of

_PATH = "/painel/entrar"
_THEMES = {"light": "claro", "dark": "escuro", "auto": "automático"}
_YEAR_S = 31_536_000
_LONGEST_ADDRESS = 2000


def address_for(request: Request) -> str:
    """Give the sign-in page that leads on to where the person wanted to go; a form is not sent again."""
    wanted, lost = address_of(request), ""
    if fields.local_address(wanted) in ("/painel", "/painel/hoje", "/painel/sair", "/painel/tema"):
        return _PATH
    if not only_looks(request):  # its page as it was, filters included: "all of this filter" is of that one
        wanted, lost = page_before(request), "&perdido=1"
        if wanted == "/painel/disparos":  # the button under a simulation
            wanted += "/novo"
    return f"{_PATH}?depois={quote(wanted, safe='/')}{lost}"


def _onward(given: FormData | QueryParams) -> str:
    """Give where to go on; of an address that is too long its page: cut, it might name other invoices."""
    address = fields.text(given, "depois", most=_LONGEST_ADDRESS + 1)
    return address if len(address) <= _LONGEST_ADDRESS else address.partition("?")[0]


async def show(request: Request) -> Response:
    """Show the form; the browser gets a token that only ties the form to it and is no session."""
    token = request.cookies.get(access.cookie_name(request)) or new_secret()
    request.state.csrf = access.csrf_of(token)
    answer = render(
        request,
        "entrar.html",
        wrong=None,
        lost="perdido" in request.query_params,
        email="",
        onward=_onward(request.query_params),
    )
    access.set_cookie(request, answer, token)
    return answer


async def sign_in(request: Request) -> Response:
    """Check e-mail and password and begin a session; raises TooMany."""
    tied_to = request.cookies.get(access.cookie_name(request), "")
    if not tied_to:  # a form of another site comes without it, and what it would be tied to is no secret
        raise access.Forged
    request.state.csrf = access.csrf_of(tied_to)
    await access.check_form(request)
    form = await fields.read_form(request)
    email, onward = fields.text(form, "email", most=LONGEST_EMAIL), _onward(form)
    given = form.get("senha")
    token, user_id = await _begun(request, email, given if isinstance(given, str) else "")
    if token is None:
        answer = render(
            request, "entrar.html", status=422, wrong=True, lost=False, email=email, onward=onward
        )
        if user_id is not None:  # once it has left: how long it takes tells nobody that there is such a user
            answer.background = BackgroundTask(_note_refusal, request, user_id)
        return answer
    answer = see(fields.local_address(onward))
    access.set_cookie(request, answer, token)
    return answer


async def _begun(request: Request, email: str, password: str) -> tuple[str | None, int | None]:
    """Begin a session; gives its token, None where e-mail and password are not, or no longer, right.

    And whose e-mail it is; None: nobody's.
    """
    row, is_right = await check_password(request, email, password)
    if row is None:
        return None, None
    token = await access.begin(request, row) if is_right else None
    if token is not None:
        async with services_of(request).pool.acquire() as connection:
            await accounts.audit(connection, actor=f"user:{row['id']}", action="signed_in")
    return token, row["id"]


async def check_password(request: Request, email: str, password: str) -> tuple[asyncpg.Record | None, bool]:
    """Give the active user of an e-mail, and whether this is their password; raises TooMany, Wrong."""
    services, settings = services_of(request), services_of(request).settings
    address = request.client.host if request.client else "local"
    per_s, burst = settings.token_rate_per_min / 60, settings.token_rate_burst
    await services.throttle.take("panel-address", same_line(address), per_s=per_s, burst=burst)
    await services.throttle.take(
        "panel-user", same_name(email), per_s=per_s * OF_A_NAME, burst=burst * OF_A_NAME
    )
    async with services.pool.acquire() as connection:
        row = await accounts.find_user(connection, email)
    try:
        is_right = await services.passwords.verify(row["password_hash"] if row else None, password)
    except TooManyLogins:
        raise fields.Wrong("Muitas pessoas estão entrando agora. Espere alguns segundos.") from None
    return row, is_right


async def _note_refusal(request: Request, user_id: int) -> None:
    with suppress(*TRANSIENT):
        async with services_of(request).pool.acquire() as connection:
            await accounts.audit(connection, actor=f"user:{user_id}", action="sign_in_refused")


async def sign_out(request: Request, person: Person) -> Response:
    """End this session."""
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        await sessions.end(connection, person.token_sha256)
        await accounts.audit(connection, actor=person.actor, action="signed_out")
    answer = see(_PATH)
    access.set_cookie(request, answer, None)
    return answer


async def change_theme(request: Request, person: Person) -> Response:
    """Keep light, dark or the device's own choice in a cookie of this browser."""
    del person
    form = await fields.read_form(request)
    theme = fields.choice(form, "tema", _THEMES)
    answer = see(fields.local_address(_onward(form)))
    answer.set_cookie("tema", theme, max_age=_YEAR_S, path="/painel", samesite="lax", httponly=False)
    return answer
