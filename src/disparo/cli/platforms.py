"""`disparo plataforma`: which there are, and one test message with both sides of the call."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated

import typer

from disparo.cli.phones import phone_of
from disparo.domain.outcome import Outcome, OutcomeKind
from disparo.domain.sms_text import to_gsm_basic
from disparo.errors import DisparoError
from disparo.platforms.base import Balance, Exchange, Health, Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.presets import presets
from disparo.platforms.registry import read_table, receipt_url
from disparo.settings import Settings, load_settings

platforms = typer.Typer(no_args_is_help=True)

_OUTCOME_WORDS = {
    OutcomeKind.ACCEPTED: "aceita pela plataforma",
    OutcomeKind.REFUSED: "recusada pela plataforma",
    OutcomeKind.NOT_TAKEN: "não recebida pela plataforma: pode ser tentada de novo",
    OutcomeKind.NOT_STARTED: "não enviada: passou do prazo",
    OutcomeKind.AMBIGUOUS: "incerta: a plataforma pode ter recebido",
}


@platforms.command("listar")
def list_platforms() -> None:
    """Lista as plataformas configuradas, na ordem em que são usadas."""
    settings = load_settings()
    if not settings.platforms:
        print("Nenhuma plataforma configurada: `disparo run` usa a plataforma simulada.")
    for name, table in settings.platforms.items():
        read = read_table(name, table)
        guarded = read.type != "simulator" and not settings.real_sending
        print(f"{name}: {read.type}, {read.method} {read.url}{' (envio real desligado)' if guarded else ''}")


@platforms.command("presets")
def list_presets(
    nome: Annotated[str | None, typer.Argument(help="Mostra o que preencher para este.")] = None,
) -> None:
    """Lista as plataformas que já vêm prontas; com o nome de uma, o que é preciso preencher."""
    if nome is None:
        for preset in presets().values():
            print(f"{preset.name}: {preset.title}")
        return
    if nome not in presets():
        raise DisparoError(f"Não há {nome}. Existem: {', '.join(presets())}.")
    chosen = presets()[nome]
    print(f'{chosen.title}\n\n[platforms.{nome}]\ntype = "{nome}"')
    for key, explanation in chosen.needs.items():
        print(f'{key} = ""    # {explanation}')
    print('webhook_secret = ""    # um texto longo e aleatório, seu')


@platforms.command("saldo")
def show_credit(
    nome: Annotated[str | None, typer.Argument(help="Só desta plataforma.")] = None,
) -> None:
    """Pergunta às plataformas quanto crédito resta e se elas respondem; nenhum SMS é enviado."""
    settings = load_settings()
    names = list(settings.platforms) if nome is None else [nome]
    asked = {name: _configured(settings, name) for name in names}
    answers = asyncio.run(_ask_credit(asked))
    for name, (balance, health) in answers.items():
        credit = "não informa o saldo" if balance is None else f"saldo {balance.amount}"
        if health is not None and not health.is_well:
            credit = f"não respondeu como devia ({health.failure}, {health.detail})"
        print(f"{name}: {credit}")
    if any(health is not None and not health.is_well for _, health in answers.values()):
        raise typer.Exit(1)


@platforms.command("testar")
def try_platform(
    nome: Annotated[str, typer.Argument(help="Nome da plataforma na configuração.")],
    telefone: Annotated[str, typer.Option(help="Celular que vai receber o teste.")],
    texto: Annotated[str, typer.Option(help="Texto do teste.")] = "Teste do Disparo.",
) -> None:
    """Envia um SMS de teste e mostra o pedido e a resposta, com os segredos mascarados."""
    settings = load_settings()
    phone = phone_of(telefone)
    if not phone.takes_sms:
        raise DisparoError("Este é um telefone fixo: nenhum SMS chega a ele.")
    platform = _platform(settings, nome, phone.e164)
    message = Outgoing(
        reference=secrets.token_hex(16),
        e164=phone.e164,
        text=to_gsm_basic(texto),
        deadline_s=boottime_s() + 30,
    )
    outcome, exchange = asyncio.run(_send(platform, message))
    print(f"Pedido:\n{exchange.request}\n\nResposta:\n{exchange.response}\n")
    failure = f" ({outcome.failure}, código {outcome.code})" if outcome.code else ""
    print(f"Resultado: {_OUTCOME_WORDS[outcome.kind]}{failure}")
    if outcome.platform_id:
        print(f"Número da plataforma: {outcome.platform_id}")
    if outcome.kind is not OutcomeKind.ACCEPTED:
        raise typer.Exit(1)


def _configured(settings: Settings, name: str) -> GenericHttp:
    if name not in settings.platforms:
        known = ", ".join(settings.platforms) or "nenhuma"
        raise DisparoError(f"Não há plataforma {name}. Configuradas: {known}.")
    table = read_table(name, settings.platforms[name])
    return GenericHttp(name, table, receipt_url=receipt_url(name, table, settings.public_url))


async def _ask_credit(asked: Mapping[str, GenericHttp]) -> dict[str, tuple[Balance | None, Health | None]]:
    try:
        return {name: (await each.balance(), await each.health()) for name, each in asked.items()}
    finally:
        for each in asked.values():
            await each.close()


def _platform(settings: Settings, name: str, e164: str) -> GenericHttp:
    platform = _configured(settings, name)
    table = read_table(name, settings.platforms[name])
    if table.type != "simulator" and not settings.real_sending and e164 not in settings.test_numbers:
        raise DisparoError(
            "Envio real desligado: defina DISPARO_REAL_SENDING=yes ou ponha o número em DISPARO_TEST_NUMBERS."
        )
    return platform


async def _send(platform: GenericHttp, message: Outgoing) -> tuple[Outcome, Exchange]:
    try:
        return await platform.exchange(message)
    finally:
        await platform.close()
