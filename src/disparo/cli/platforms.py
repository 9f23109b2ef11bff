"""`disparo plataforma`: which there are and how they are, pausing one, its credit, one test message."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from disparo.cli.context import DataDir, actor, with_connection
from disparo.cli.launch import SIMULATOR, last_real_platform
from disparo.cli.phones import phone_of
from disparo.db import accounts, figures, opt_outs, platform_states
from disparo.db.pool import Connection
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.phone import masked
from disparo.domain.routing import Route
from disparo.domain.sms_text import SegmentProfile, count_segments, to_gsm_basic
from disparo.errors import DisparoError
from disparo.platforms.base import Balance, Exchange, Health, Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.guard import REAL_SENDING_OFF
from disparo.platforms.presets import presets
from disparo.platforms.registry import build_platform, build_routes, read_table
from disparo.platforms.smpp.platform import Smpp
from disparo.platforms.smpp.settings import SMPP
from disparo.settings import Settings, load_settings
from disparo.wording import code_words, words
from disparo.wording.plain import on_line, on_lines
from disparo.wording.platform_words import Hindrance, hindrance, resumed

platforms = typer.Typer(no_args_is_help=True)

_NONE = "Nenhuma plataforma configurada. Onde nunca houve uma, `disparo run` usa a simulada."
_OF_TRIAL = (
    f"A plataforma {SIMULATOR} só existe enquanto `disparo run` roda sem nenhuma configurada, e daqui só se "
    "pausa e retoma. Para ver um SMS por ela faça uma chamada: o `disparo run` mostra como."
)


@platforms.command("listar")
def list_platforms(dados: DataDir = None) -> None:
    """Lista as plataformas configuradas, na ordem em que são usadas, e como estão."""
    settings = load_settings(data_dir=dados)
    if not settings.platforms:
        print(_NONE)
        _list_simulated(settings, dados)
        return

    async def look(
        connection: Connection,
    ) -> tuple[dict[str, asyncpg.Record], dict[str, int], dict[int, str]]:
        states, used = await platform_states.read(connection), await figures.day_used(connection)
        return states, used, await accounts.names(connection)

    states, used, people = with_connection(dados, look, may_begin=True)
    local = datetime.now(settings.zone)
    for route in sorted(build_routes(settings.platforms), key=lambda each: each.order):
        name, state = route.name, states.get(route.name)
        read = read_table(name, settings.platforms[name])
        keeps = hindrance(route, state, per_day=read.per_day, day_used=used.get(name, 0), local=local)
        notes = [f"ordem {route.order}", state_words(keeps, state, people)]
        if read.type != "simulator" and not settings.real_sending:
            notes.append("envio real desligado")
        # A preset's own name: its table is generic_http.
        kind = settings.platforms[name].get("type", read.type)
        print(f"{name}: {kind}, {read.where} ({', '.join(notes)})")


@platforms.command("pausar")
def pause(nome: str, dados: DataDir = None) -> None:
    """Para de usar uma plataforma, em todos os workers, até `disparo plataforma retomar`."""
    settings = load_settings(data_dir=dados)
    _named_or_simulated(settings, nome)

    async def work(connection: Connection) -> None:
        await _check_trial(connection, settings)
        await platform_states.pause(connection, nome, actor=actor())
        await accounts.audit(connection, actor=actor(), action="platform_paused", detail={"platform": nome})

    with_connection(dados, work)
    print(f"Plataforma {nome} pausada. O que já saiu termina; o resto espera ou vai por outra.")


@platforms.command("retomar")
def resume(nome: str, dados: DataDir = None) -> None:
    """Volta a usar uma plataforma pausada; uma que estava falhando é tentada de novo agora."""
    settings = load_settings(data_dir=dados)
    _named_or_simulated(settings, nome)

    async def work(connection: Connection) -> platform_states.Resumed:
        await _check_trial(connection, settings)
        await accounts.audit(connection, actor=actor(), action="platform_resumed", detail={"platform": nome})
        return await platform_states.resume(connection, nome)

    print(resumed(nome, with_connection(dados, work)))


@platforms.command("presets")
def list_presets(
    nome: Annotated[str | None, typer.Argument(help="Mostra o que preencher para este.")] = None,
) -> None:
    """Lista as plataformas que já vêm prontas; com o nome de uma, o que é preciso preencher."""
    offered = {**presets(), "smpp": SMPP}
    if nome is None:
        for preset in offered.values():
            print(f"{preset.name}: {preset.title}")
        return
    if nome not in offered:
        raise DisparoError(f"Não há {nome}. Existem: {', '.join(offered)}.")
    chosen = offered[nome]
    print(f'{chosen.title}\n\n[platforms.{nome}]\ntype = "{nome}"')
    for key, explanation in chosen.needs.items():
        print(f'{key} = ""    # {explanation}')
    if chosen is not SMPP:  # what it tells comes over its binds
        print('webhook_secret = ""    # um texto longo e aleatório, seu')


@platforms.command("saldo")
def show_credit(
    nome: Annotated[str | None, typer.Argument(help="Só desta plataforma.")] = None,
) -> None:
    """Pergunta às plataformas quanto crédito resta e se elas respondem; nenhum SMS é enviado."""
    settings = load_settings()
    names = list(settings.platforms) if nome is None else [nome]
    if not names:
        print(_NONE)
        return
    asked = {name: _configured(settings, name) for name in names}
    answers = asyncio.run(_ask_credit(asked))
    for name, (balance, health) in answers.items():
        credit = "não informa o saldo" if balance is None else f"saldo {balance.amount}".replace(".", ",")
        if health is not None and not health.is_well:
            credit = f"não respondeu como devia{_why(words.reason(health.failure), health.detail)}"
        print(f"{name}: {credit}")
    if any(health is not None and not health.is_well for _, health in answers.values()):
        raise typer.Exit(1)


@platforms.command("testar")
def try_platform(
    nome: Annotated[str, typer.Argument(help="Nome da plataforma na configuração.")],
    telefone: Annotated[str, typer.Option(help="Celular que vai receber o teste.")],
    texto: Annotated[str, typer.Option(help="Texto do teste.")] = "Teste do Disparo.",
    dados: DataDir = None,
) -> None:
    """Envia um SMS de teste e mostra o pedido e a resposta, com os segredos mascarados."""
    settings = load_settings(data_dir=dados)
    phone = phone_of(telefone)
    if not phone.takes_sms:
        raise DisparoError("Este é um telefone fixo: nenhum SMS chega a ele.")
    platform = _platform(settings, nome, phone.e164)
    text = _text_of(texto, platform.capabilities.profile)
    with_connection(dados, partial(_note_test, nome, phone.e164), may_begin=True)
    message = Outgoing(
        reference=secrets.token_hex(16), e164=phone.e164, text=text, deadline_s=boottime_s() + 30
    )
    outcome, exchange = asyncio.run(_send(platform, message))
    none_came = code_words.code(outcome.code) if outcome.code else "nenhuma"
    print(f"Pedido:\n{exchange.request}\n\nResposta:\n{on_lines(exchange.response) or f'({none_came})'}\n")
    why = _why(words.failure(outcome.failure, outcome.kind), outcome.code)
    print(f"Resultado: {words.OUTCOME[outcome.kind]}{why}")
    if outcome.platform_id:
        print(f"Número da plataforma: {on_line(outcome.platform_id)}")
    if outcome.kind is not OutcomeKind.ACCEPTED:
        raise typer.Exit(1)


async def _note_test(name: str, e164: str, connection: Connection) -> None:
    if await opt_outs.among(connection, [e164]):
        raise DisparoError("Este número está descadastrado: nenhum SMS vai para ele, nem de teste.")
    detail = {"platform": name, "number": masked(e164)}
    await accounts.audit(connection, actor=actor(), action="platform_tested", detail=detail)


def _text_of(text: str, profile: SegmentProfile) -> str:
    """Give a test's text as an SMS takes it; raises DisparoError for one that nobody means to send."""
    text = to_gsm_basic(text)
    if not text.strip():
        raise DisparoError("O texto do teste está vazio, ou só tem sinais que um SMS não leva.")
    count = count_segments(text, profile)
    if count > profile.max_parts:
        raise DisparoError(f"O texto do teste ocupa {count} SMS, e o limite é {profile.max_parts}.")
    return text


def state_words(keeps: Hindrance | None, state: asyncpg.Record | None, people: Mapping[int, str]) -> str:
    """Say how a platform is; `state` is its row of `platform_states`, `people` are names by user id."""
    if keeps is Hindrance.PAUSED and state is not None:
        return f"pausada {words.by(words.actor(state['paused_by'], people))}"
    if keeps is Hindrance.FAILING and state is not None:
        return f"parada: {words.reason(state['open_reason'])}"
    return keeps or "em uso"


def _why(said: str, code: str | None) -> str:
    """Say why a platform did not do what it was asked, with its own code where there is one."""
    parts = [said, code_words.code(code) if code else ""]
    why = ", ".join(part for part in parts if part)
    return f" ({why})" if why else ""


def _named_or_simulated(settings: Settings, name: str) -> None:
    if name != SIMULATOR or settings.platforms:
        _named(settings, name)


async def _check_trial(connection: Connection, settings: Settings) -> None:
    """Raise DisparoError where no setting names a platform and there is no simulated one any more."""
    if not settings.platforms and await last_real_platform(connection) is not None:
        raise DisparoError(_OF_TRIAL)


def _list_simulated(settings: Settings, dados: Path | None) -> None:
    """Tell how the simulated platform of a trial is; nothing where there has been none."""

    async def look(connection: Connection) -> str:
        await _check_trial(connection, settings)
        state, people = (
            (await platform_states.read(connection)).get(SIMULATOR),
            await accounts.names(connection),
        )
        local = datetime.now(settings.zone)
        keeps = hindrance(Route(SIMULATOR), state, per_day=None, day_used=0, local=local)
        return state_words(keeps, state, people)

    with suppress(DisparoError):  # no database yet, or one that used real platforms
        print(f"{SIMULATOR}: simulada ({with_connection(dados, look)})")


def _named(settings: Settings, name: str) -> None:
    if name not in settings.platforms:
        if name == SIMULATOR and not settings.platforms:
            raise DisparoError(_OF_TRIAL)
        known = ", ".join(settings.platforms) or "nenhuma"
        raise DisparoError(f"Não há plataforma {name}. Configuradas: {known}.")


def _configured(settings: Settings, name: str) -> GenericHttp | Smpp:
    _named(settings, name)
    return build_platform(name, read_table(name, settings.platforms[name]), public_url=settings.public_url)


async def _ask_credit(
    asked: Mapping[str, GenericHttp | Smpp],
) -> dict[str, tuple[Balance | None, Health | None]]:
    try:
        return {name: (await each.balance(), await each.health()) for name, each in asked.items()}
    finally:
        for each in asked.values():
            await each.close()


def _platform(settings: Settings, name: str, e164: str) -> GenericHttp | Smpp:
    platform = _configured(settings, name)
    table = read_table(name, settings.platforms[name])
    if table.type != "simulator" and not settings.real_sending and e164 not in settings.test_numbers:
        raise DisparoError(REAL_SENDING_OFF)
    return platform


async def _send(platform: GenericHttp | Smpp, message: Outgoing) -> tuple[Outcome, Exchange]:
    try:
        return await platform.exchange(message)
    finally:
        await platform.close()
