"""`disparo mensagem`, `incertas`, `retidas`, `retomar`: where a message is, and settling it by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Annotated
from zoneinfo import ZoneInfo

import asyncpg
import typer
from rich.table import Table

from disparo.cli.asking import ask
from disparo.cli.context import DataDir, actor, database, prepare_for_command, with_connection
from disparo.cli.paused_runs import paused_runs
from disparo.cli.phones import phone_of
from disparo.cli.tables import show_table
from disparo.db import accounts, bulk_runs, lookups, unsettled
from disparo.db.pool import Connection, connected
from disparo.dispatch import reconcile
from disparo.domain.waits import folded
from disparo.errors import DisparoError
from disparo.settings import load_settings
from disparo.wording import code_words, words
from disparo.wording.moment_words import to_second
from disparo.wording.plain import on_line
from disparo.wording.reason_words import goes_when
from disparo.wording.receipt_words import details

messages = typer.Typer(no_args_is_help=True)
uncertain = typer.Typer(no_args_is_help=True)
held = typer.Typer(no_args_is_help=True)

_Ids = Annotated[list[int] | None, typer.Argument(help="Números das mensagens, como em `incertas listar`.")]
_PlatformName = Annotated[str | None, typer.Option("--plataforma", help="Só desta plataforma.")]
_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M"]
_AS = "Como 2026-12-31, 31/12/2026 ou '31/12/2026 08:30'."
_Since = Annotated[
    datetime | None,
    typer.Option("--de", formats=_FORMATS, metavar="MOMENTO", help=f"Enviadas desde. {_AS}"),
]
_Until = Annotated[
    datetime | None,
    typer.Option("--ate", formats=_FORMATS, metavar="MOMENTO", help=f"Enviadas antes de. {_AS}"),
]
#: Of those that a filter chooses, or of all, the oldest.
_AT_ONCE = 10_000
_OTHERS = " Há outras, mais novas."
#: Of those of which nothing was done.
_MOST_NAMED = 10
_OR_CANCELLED = ", ou é de um disparo cancelado"


@messages.command("buscar")
def find(
    telefone: Annotated[str | None, typer.Option(help="Telefone, em qualquer formato.")] = None,
    fatura: Annotated[int | None, typer.Option(help="ID da fatura.")] = None,
    limite: Annotated[int, typer.Option(min=1, max=1000, help="Quantas mostrar.")] = 20,
    dados: DataDir = None,
) -> None:
    """Mostra as mensagens de um telefone ou de uma fatura, com a vida de cada uma."""
    if (telefone is None) == (fatura is None):
        raise DisparoError("Informe --telefone ou --fatura, um dos dois.")
    e164 = phone_of(telefone).e164 if telefone is not None else None

    async def work(connection: Connection) -> tuple[list[lookups.Life], dict[int, str]]:
        found = await lookups.lives(connection, e164=e164, invoice_id=fatura, limit=limite)
        return found, await accounts.names(connection)

    found, people = with_connection(dados, work)
    if not found:
        print("Nenhuma mensagem encontrada.")
    zone = load_settings().zone
    for life in found:
        _print_life(life, people, zone)


def _print_life(life: lookups.Life, people: Mapping[int, str], zone: ZoneInfo) -> None:
    row = life.message
    why = f", {words.reason(row['reason'], row['status'])}" if row["reason"] else ""
    print(
        f"\nMensagem {row['id']}: fatura {row['invoice_id']} para {row['phone']} "
        f"({words.STATUS[row['status']]}{why})"
    )
    if row["text"]:
        print(f"  Texto: {row['text']}")
    for at, step in sorted(_steps(life, people, zone), key=itemgetter(0)):
        print(f"  {to_second(at, zone)}  {on_line(step)}")
    if waits := goes_when(row, datetime.now(UTC), zone):
        print(f"  {waits}")


def _steps(life: lookups.Life, people: Mapping[int, str], zone: ZoneInfo) -> Iterator[tuple[datetime, str]]:
    """Give what happened to a message, each with its time."""
    for change in folded(life.events):
        event = change.event
        why = f" ({words.reason(event['reason'], event['to_status'])})" if event["reason"] else ""
        last = to_second(change.last_at, zone)
        again = f", {change.times} vezes, a última em {last}" if change.times > 1 else ""
        by = words.by(words.mover(event, people))
        yield event["at"], f"{words.STATUS[event['to_status']]}{why}{again}  {by}"
    for attempt in life.attempts:
        said = words.OUTCOME.get(attempt["outcome"] or "", "sem registro")
        code = f", {code_words.code(attempt['code'])}" if attempt["code"] else ""
        yield attempt["started_at"], f"tentativa na plataforma {attempt['platform']}: {said}{code}"
    for receipt in life.receipts:
        told = ", ".join([words.RECEIPT[receipt["kind"]], *details(receipt)])
        yield receipt["received_at"], f"confirmação da plataforma {receipt['platform']}: {told}"


@uncertain.command("listar")
def list_uncertain(
    plataforma: _PlatformName = None, de: _Since = None, ate: _Until = None, dados: DataDir = None
) -> None:
    """Lista as mensagens cujo envio começou e que ninguém confirmou."""
    found, more = with_connection(dados, lambda connection: _chosen(connection, plataforma, de, ate))
    table, zone = (
        Table("Mensagem", "Fatura", "Telefone", "Plataforma", "Motivo", "Envio"),
        load_settings().zone,
    )
    for row in found:
        at = to_second(row["started_at"], zone)
        table.add_row(
            str(row["id"]),
            str(row["invoice_id"]),
            row["phone"],
            row["platform"],
            words.reason(row["reason"], "uncertain"),
            at,
        )
    show_table(table)
    print(f"{len(found)} mensagem(ns) incerta(s).{_OTHERS if more else ''}")


@uncertain.command("reenviar")
def resend(
    ids: _Ids = None,
    plataforma: _PlatformName = None,
    de: _Since = None,
    ate: _Until = None,
    sim: Annotated[bool, typer.Option("--sim", help="Não perguntar.")] = False,
    dados: DataDir = None,
) -> None:
    """Envia de novo: o cliente pode receber duas vezes. Por número, ou por plataforma e período."""
    _need_choice(ids, plataforma, de, ate)

    # Asked between two transactions: the server ends one that waits for a person.
    wanted, more = _named(ids) or with_connection(
        dados, lambda connection: _chosen_ids(connection, plataforma, de, ate)
    )
    if wanted and not sim:
        ask(f"{len(wanted)} mensagem(ns) podem chegar em dobro ao cliente. Enviar de novo?")

    async def work(connection: Connection) -> str:
        done = await reconcile.resend(connection, wanted, actor=actor())
        others = _others(wanted, done, "incerta", _OR_CANCELLED if done else "")
        await accounts.audit(connection, actor=actor(), action="resent", detail={"messages": len(done)})
        still = paused_runs(await bulk_runs.paused(connection, of=done), dados)
        return f"{len(done)} mensagem(ns) na fila outra vez.{others}{more}{still}"

    print(with_connection(dados, work))


@uncertain.command("dar-como-enviada")
def give_as_sent(
    ids: _Ids = None,
    plataforma: _PlatformName = None,
    de: _Since = None,
    ate: _Until = None,
    dados: DataDir = None,
) -> None:
    """Dá mensagens incertas como enviadas. Por número, ou por plataforma e período."""
    _need_choice(ids, plataforma, de, ate)

    async def work(connection: Connection) -> str:
        wanted, more = _named(ids) or await _chosen_ids(connection, plataforma, de, ate)
        done = await reconcile.give_as_sent(connection, wanted, actor=actor())
        others = _others(wanted, done, "incerta")
        await accounts.audit(
            connection, actor=actor(), action="given_as_sent", detail={"messages": len(done)}
        )
        return f"{len(done)} mensagem(ns) dada(s) como enviada(s).{others}{more}"

    print(with_connection(dados, work))


@held.command("listar")
def list_held(dados: DataDir = None) -> None:
    """Lista as mensagens retidas: por uma restauração, ou porque derrubaram três workers."""
    found = with_connection(dados, lambda connection: unsettled.list_held(connection, limit=_AT_ONCE + 1))
    found, more = found[:_AT_ONCE], len(found) > _AT_ONCE
    table, zone = Table("Mensagem", "Fatura", "Telefone", "Motivo", "Desde"), load_settings().zone
    for row in found:
        at = to_second(row["changed_at"], zone)
        table.add_row(str(row["id"]), str(row["invoice_id"]), row["phone"], words.reason(row["reason"]), at)
    show_table(table)
    print(f"{len(found)} mensagem(ns) retida(s).{_OTHERS if more else ''}")


@held.command("liberar")
def release(
    ids: Annotated[list[int], typer.Argument(help="Números das mensagens, como em `retidas listar`.")],
    dados: DataDir = None,
) -> None:
    """Deixa mensagens retidas seguirem. As de uma restauração saem todas com `disparo retomar`."""

    async def work(connection: Connection) -> str:
        done = await reconcile.release_held(connection, ids, actor=actor())
        others = _others(ids, done, "retida")
        await accounts.audit(connection, actor=actor(), action="released", detail={"messages": len(done)})
        still = paused_runs(await bulk_runs.paused(connection, of=done), dados)
        return f"{len(done)} mensagem(ns) de volta à fila.{others}{still}"

    print(with_connection(dados, work))


def resume(dados: DataDir = None) -> None:
    """Libera as mensagens que uma restauração do banco reteve."""

    async def main(dsn: str) -> str:
        await prepare_for_command(load_settings(data_dir=dados), dsn)
        total, is_all = 0, False
        async with connected(dsn) as connection:
            while not is_all:
                # Each part by itself: receipts of what all of it holds would wait until the last one is done.
                async with connection.transaction():
                    done, is_all = await reconcile.resume_some(connection, actor=actor())
                    await accounts.audit(
                        connection, actor=actor(), action="resumed", detail={"messages": len(done)}
                    )
                total += len(done)
            still = paused_runs(await bulk_runs.paused(connection), dados)
        return f"{total} mensagem(ns) de volta à fila.{still}"

    with database(dados) as dsn:
        print(asyncio.run(main(dsn)))


def _others(wanted: Sequence[int], done: Sequence[int], state: str, or_else: str = "") -> str:
    """Name those of which nothing was done; raises DisparoError, which undoes the rest, where that is all."""
    others = sorted(set(wanted) - set(done))
    named = ", ".join(map(str, others[:_MOST_NAMED]))
    if len(others) > _MOST_NAMED:
        named += f" e mais {len(others) - _MOST_NAMED}"
    if not others:
        said = f"Nenhuma mensagem está {state} com esse filtro."
    elif len(others) == 1:
        said = f"A mensagem {named} não estava {state}{or_else}."
    else:
        said = f"As mensagens {named} não estavam {state}s{or_else}."
    if not done:
        raise DisparoError(f"{said} Nada foi alterado.")
    return f" {said}" if others else ""


async def _chosen(
    connection: Connection, platform: str | None, since: datetime | None, until: datetime | None
) -> tuple[list[asyncpg.Record], bool]:
    """Give the oldest of those that a filter means, and whether there are more."""
    if since is not None and until is not None and since >= until:
        raise DisparoError("O período está vazio: --de tem de vir antes de --ate.")
    zone = load_settings().zone
    found = await unsettled.list_uncertain(
        connection,
        platform=platform,
        since=None if since is None else since.replace(tzinfo=zone),
        until=None if until is None else until.replace(tzinfo=zone),
        limit=_AT_ONCE + 1,
    )
    return found[:_AT_ONCE], len(found) > _AT_ONCE


async def _chosen_ids(
    connection: Connection, platform: str | None, since: datetime | None, until: datetime | None
) -> tuple[list[int], str]:
    found, more = await _chosen(connection, platform, since, until)
    said = " Há outras com esse filtro, mais novas: rode o comando de novo." if more else ""
    return [row["id"] for row in found], said


def _named(ids: list[int] | None) -> tuple[list[int], str] | None:
    return (ids, "") if ids else None


def _need_choice(
    ids: list[int] | None, platform: str | None, since: datetime | None, until: datetime | None
) -> None:
    by_filter = platform is not None or since is not None or until is not None
    if bool(ids) == by_filter:
        raise DisparoError("Informe os números das mensagens, ou --plataforma, --de e --ate.")
