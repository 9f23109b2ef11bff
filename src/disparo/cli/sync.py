"""`disparo sincronizar`: the register of another program, brought over now."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.status import Status

from disparo.cli.context import DataDir, database, prepare_for_command, with_connection
from disparo.db import sync_states
from disparo.db.pool import Connection, open_pool
from disparo.dispatch.freshness import SourceDown
from disparo.errors import DisparoError, SettingsInvalid
from disparo.settings import Settings, load_settings
from disparo.sources.build import build_hubsoft, build_sync
from disparo.sources.hubsoft import NAME
from disparo.sources.sync import AlreadyRunning, Synced
from disparo.wording import words
from disparo.wording.moment_words import to_second
from disparo.wording.plain import on_line

sync = typer.Typer(no_args_is_help=True)


class SyncFailed(DisparoError):
    """It ended before it was done; what was brought is stored."""


@sync.command("hubsoft")
def hubsoft(
    completo: Annotated[bool, typer.Option("--completo", help="Traz tudo, não só o que é novo.")] = False,
    dados: DataDir = None,
) -> None:
    """Traz clientes e faturas do HubSoft; interrompida, continua de onde parou."""
    settings = load_settings(data_dir=dados)
    if settings.hubsoft_url is None:
        raise SettingsInvalid("Informe hubsoft_url (DISPARO_HUBSOFT_URL) e as credenciais hubsoft_....")
    with database(dados, may_begin=True) as dsn:
        done = asyncio.run(_run(settings, dsn, full=completo))
    kind = "completa" if done.is_full else "do que é novo"
    print(
        f"Sincronização {kind}: {done.customers} cliente(s), {done.invoices} fatura(s), "
        f"{done.left_out} deixado(s) de fora, {done.pages} página(s)."
    )
    if done.missed:
        print(
            f"o HubSoft conta {done.missed} registro(s) a mais do que listou: vêm na próxima completa, "
            "se existem."
        )


@sync.command("situacao")
def state(dados: DataDir = None) -> None:
    """Mostra quando foi a última sincronização e onde está a que corre."""
    zone = load_settings(data_dir=dados).zone

    async def work(connection: Connection) -> None:
        row = await sync_states.read(connection, NAME)
        if row is None:
            print("HubSoft: nunca sincronizado.")
            return
        complete_to = row["complete_to"]
        shown = "(ainda não houve uma completa)" if complete_to is None else f"{complete_to:%d/%m/%Y}"
        print(f"HubSoft: completa até {shown}")
        print(f"última que terminou: {_local(row['finished_at'], zone)}")
        if row["failure"]:
            print(f"parou em {_local(row['failed_at'], zone)}: {on_line(row['failure'])}")
        progress = json.loads(row["progress"])
        if lacking := sync_states.count_lacking(progress):
            print(words.lacking(lacking))
        if "steps" in progress:
            print(f"em andamento: parte {progress['step'] + 1} de {len(progress['steps'])}")

    with_connection(dados, work)


def _local(moment: datetime | None, zone: ZoneInfo) -> str:
    return "nenhuma" if moment is None else to_second(moment, zone)


async def _run(settings: Settings, dsn: str, *, full: bool) -> Synced:
    await prepare_for_command(settings, dsn)
    source = build_hubsoft(settings)
    assert source is not None  # noqa: S101 - for the type checker: the address was looked at
    console = Console(stderr=True)
    try:
        async with open_pool(dsn, size=4, name="disparo-sync") as pool:
            runner = build_sync(settings, dsn, pool, source)
            with _watched(console) as status:
                runner.progress = lambda done: status.update(
                    f"{done.customers} cliente(s), {done.invoices} fatura(s)"
                )
                return await runner.run(full=full)
    except AlreadyRunning:
        raise SyncFailed("Outra sincronização está em andamento.") from None
    except SourceDown as error:
        raise SyncFailed(
            f"O HubSoft não respondeu ({error}). O que veio está gravado; a próxima continua daqui."
        ) from None
    finally:
        with suppress(OSError):
            await source.close()


def _watched(console: Console) -> Status:
    console.quiet = not console.is_terminal
    return console.status("sincronizando")
