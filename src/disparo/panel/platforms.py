"""Plataformas: whether each works, how much of it is used, pausing it, and one test message."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, figures, opt_outs, platform_states, platform_use
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.phone import Phone, masked
from disparo.domain.routing import Route
from disparo.domain.sms_text import SegmentProfile, count_segments, to_gsm_basic
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.fields import Wrong
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import PanelServices, services_of
from disparo.panel.statement import period_of, show_csv, this_month
from disparo.platforms.base import Capabilities, Outgoing, boottime_s
from disparo.platforms.registry import build_routes, read_table, receipt_url
from disparo.wording import code_words, words
from disparo.wording.plain import on_line
from disparo.wording.platform_words import Hindrance, hindrance, resumed

_PATH = "/painel/plataformas"
_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One platform as the page speaks of it; `day_used` counts only where there is a limit a day."""

    name: str
    kind: str
    able: Capabilities
    state: asyncpg.Record | None
    pace: asyncpg.Record | None
    day_used: int
    errors: list[asyncpg.Record]
    webhook: str | None
    is_guarded: bool
    hours: str | None
    hindrance: Hindrance | None


async def show(request: Request, person: Person) -> Response:
    """Show every platform."""
    return await _shown(request, person, this_month(services_of(request).settings.zone))


async def show_statement(request: Request, person: Person) -> Response:
    """Give the statement of a period as a file; the page with what was typed where it is none."""
    try:
        first, last = period_of(request.query_params)
    except Wrong as wrong:
        typed = [fields.text(request.query_params, name) for name in ("de", "ate")]
        return await _shown(request, person, typed, wrong=str(wrong))
    return await show_csv(request, person, first, last)


async def _shown(
    request: Request, person: Person, period: Sequence[date | str], *, wrong: str = ""
) -> Response:
    """Show every platform, and the form for a statement of a `period`, with what is `wrong` with it."""
    services = services_of(request)
    async with services.pool.acquire() as connection:
        states = await platform_states.read(connection)
        used = await figures.day_used(connection)
        paces = await platform_use.pace(connection)
        errors = await platform_use.last_errors(connection, list(services.platforms))
        people = await accounts.names(connection)
    shown = [
        _one(
            services,
            route,
            states.get(route.name),
            paces.get(route.name),
            used.get(route.name, 0),
            errors.get(route.name, []),
            person,
        )
        for route in build_routes(services.settings.platforms)
    ]
    return render(
        request,
        "plataformas.html",
        status=422 if wrong else 200,
        wrong=wrong,
        platforms=shown,
        people=people,
        kept=Hindrance,
        period=period,
    )


def _one(  # noqa: PLR0917 - a line of the tables beside each other
    services: PanelServices,
    route: Route,
    state: asyncpg.Record | None,
    pace: asyncpg.Record | None,
    day_used: int,
    errors: list[asyncpg.Record],
    person: Person,
) -> Shown:
    name = route.name
    table, able = read_table(name, services.settings.platforms[name]), services.platforms[name].capabilities
    address = receipt_url(name, table, services.settings.public_url)
    local = datetime.now(services.settings.zone)
    return Shown(
        name=name,
        kind=words.platform_kind(services.settings.platforms[name].get("type", table.type)),
        able=able,
        state=state,
        pace=pace,
        day_used=day_used,
        errors=errors,
        webhook=address if person.may("admin") else None,
        is_guarded=table.type != "simulator" and not services.settings.real_sending,
        hours=table.hours,
        hindrance=hindrance(route, state, per_day=able.per_day, day_used=day_used, local=local),
    )


async def show_credit(request: Request, person: Person) -> Response:
    """Show what a platform says of its credit and of itself: asked now, so apart from the page."""
    del person
    platform = services_of(request).platforms[_name(request)]
    balance, health = await platform.balance(), await platform.health()
    return render(request, "_saldo.html", balance=balance, health=health)


async def pause(request: Request, person: Person) -> Response:
    """Stop using a platform."""
    name = _name(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        await platform_states.pause(connection, name, actor=person.actor)
        await accounts.audit(
            connection, actor=person.actor, action="platform_paused", detail={"platform": name}
        )
    return await done(request, person, f"Plataforma {name} pausada: nada mais sai por ela.", _PATH)


async def resume(request: Request, person: Person) -> Response:
    """Use a platform again, or try a stopped one at once."""
    name = _name(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        what = await platform_states.resume(connection, name)
        await accounts.audit(
            connection, actor=person.actor, action="platform_resumed", detail={"platform": name}
        )
    return await done(request, person, resumed(name, what), _PATH)


async def test(request: Request, person: Person) -> Response:
    """Send one message through a platform, outside any dispatch, and say what it said."""
    name, form = _name(request), await fields.read_form(request)
    services = services_of(request)
    phone, profile = _mobile(fields.text(form, "telefone")), services.platforms[name].capabilities.profile
    message = Outgoing(
        reference=secrets.token_hex(16),
        e164=phone.e164,
        text=_text_of(fields.text(form, "texto", most=160) or "Teste do Disparo.", profile),
        deadline_s=boottime_s() + _DEADLINE_S,
    )
    async with services.pool.acquire() as connection:
        if await opt_outs.among(connection, [phone.e164]):
            raise Wrong("Este número está descadastrado: nenhum SMS vai para ele, nem de teste.")
        detail = {"platform": name, "number": masked(phone.e164)}
        await accounts.audit(connection, actor=person.actor, action="platform_tested", detail=detail)
    # Through the guard: before real sending is allowed only test numbers are reached.
    (outcome,) = await services.platforms[name].send([message])
    is_done = outcome.kind is OutcomeKind.ACCEPTED
    return await done(request, person, _told(outcome), _PATH, is_done=is_done)


def _told(outcome: Outcome) -> str:
    said = [f"Teste: {words.OUTCOME[outcome.kind]}."]
    if why := words.failure(outcome.failure, outcome.kind):
        said.append(f"Motivo: {why}.")
    if outcome.code:
        said.append(f"Detalhe: {code_words.code(outcome.code)}.")
    if outcome.platform_id:
        said.append(f"Número na plataforma: {outcome.platform_id}.")
    if outcome.detail:
        said.append(outcome.detail)
    return on_line(" ".join(said))


def _text_of(text: str, profile: SegmentProfile) -> str:
    """Give a test's text as an SMS takes it: `…` has become three letters; raises Wrong."""
    text = to_gsm_basic(text)
    if not text.strip():
        raise Wrong("O texto só tem sinais que um SMS não leva.")
    count = count_segments(text, profile)
    if count > profile.max_parts:
        raise Wrong(f"O texto ocupa {count} SMS, e o limite desta plataforma é {profile.max_parts}.")
    return text


def _mobile(text: str) -> Phone:
    phone = fields.phone(text)
    if not phone.takes_sms:
        raise Wrong("Este é um telefone fixo: nenhum SMS chega a ele.")
    return phone


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if name not in services_of(request).platforms:
        raise HTTPException(404)
    return name
