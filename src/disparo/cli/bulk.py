"""`disparo disparar` and `disparo execucao`: bulk runs from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Column, Table

from disparo.cli.bulk_progress import follow, print_run, queue_whole
from disparo.cli.bulk_words import print_simulation
from disparo.cli.context import DataDir, actor, database, prepare_for_command
from disparo.cli.tables import show_table
from disparo.db import bulk_runs, workers
from disparo.db.pool import TRANSIENT, Connection, Pool, open_pool
from disparo.dispatch import bulk_control
from disparo.dispatch.bulk import (
    Asked,
    KeyReused,
    NothingMeant,
    RunOrder,
    Selection,
    StoredRun,
    Which,
    store_run,
)
from disparo.dispatch.bulk_control import NotPossible
from disparo.dispatch.bulk_estimate import Offer
from disparo.dispatch.bulk_simulate import Simulation, simulate_run
from disparo.dispatch.calendar import load_calendar
from disparo.dispatch.from_settings import accept_settings_of, offers_of, rules_of
from disparo.dispatch.group_commit import Busy, FateUnknown
from disparo.dispatch.store_once import store_once
from disparo.domain.ids import new_id
from disparo.domain.sms_text import SegmentProfile
from disparo.errors import DisparoError
from disparo.settings import Settings, load_settings
from disparo.wording.moment_words import to_minute, to_second
from disparo.wording.words import NOT_AGAIN, UNLISTED, several
from disparo.wording.words import RUN as STATE_WORDS

runs = typer.Typer(no_args_is_help=True)
T = TypeVar("T")
_Id = Annotated[UUID, typer.Argument(metavar="ID", help="ID do disparo, como em `execucao listar`.")]
_LONGEST_KEY = 100
#: Where none is configured, as beside the simulated one of `disparo run`: counted as the standard says.
_NO_PLATFORM = Offer("nenhuma (padrão do SMS)", SegmentProfile(), order=0)
_NOTHING_MEANT = "Nenhuma fatura pode atender: o período está vazio para este status."


class _Status(StrEnum):
    WAITING = "aguardando"
    OVERDUE = "vencido"


_WHICH = {_Status.WAITING: Which.NOT_YET_DUE, _Status.OVERDUE: Which.OVERDUE}


def dispatch(
    vencimento_de: Annotated[
        datetime | None,
        typer.Option(
            "--vencimento-de", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Vencidas ou a vencer desde este dia."
        ),
    ] = None,
    ate: Annotated[
        datetime | None,
        typer.Option("--ate", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Até este dia, inclusive."),
    ] = None,
    status: Annotated[_Status | None, typer.Option(help="Só as que aguardam, ou só as vencidas.")] = None,
    simular: Annotated[bool, typer.Option("--simular", help="Só mostra quanto seria.")] = False,
    execucao: Annotated[
        str | None,
        typer.Option(metavar="NOME", help="Nome desta execução: repetida com o mesmo, não dispara de novo."),
    ] = None,
    dados: DataDir = None,
) -> None:
    """Dispara um SMS por fatura em aberto, para todos os telefones permitidos, nos horários de envio."""
    settings = load_settings(data_dir=dados)
    asked = _asked(vencimento_de, ate, status)
    selection = asked.on(datetime.now(UTC).astimezone(settings.zone).date())
    if execucao is not None and not 0 < len(execucao) <= _LONGEST_KEY:
        raise DisparoError(f"--execucao deve ter de 1 a {_LONGEST_KEY} caracteres.")
    if simular:
        if selection.is_empty:
            raise DisparoError(_NOTHING_MEANT)
        found = _with_pool(dados, lambda pool: _simulate(pool, settings, selection))
        print_simulation(found, timeout_s=settings.timeout_s, zone=settings.zone)
        return
    order = RunOrder(selection, actor(), run_key=execucao, asked=asked)
    stored: list[StoredRun] = []
    try:
        _with_pool(dados, lambda pool: _start_and_follow(pool, settings, order, stored.append))
    except KeyboardInterrupt:
        if not stored:  # or its COMMIT was on its way
            print("Interrompido antes do disparo. Confira com `disparo execucao listar`.")
            raise
        id_ = stored[0].dispatch_id
        print(f"O disparo continua. Acompanhe com `disparo execucao ver {id_}`.")
        print(f"Para parar: `disparo execucao pausar {id_}`, ou `cancelar` em vez de `pausar`.")
    except TRANSIENT as error:
        if not stored or isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
            raise
        raise DisparoError(
            f"O banco de dados deixou de atender ({type(error).__name__}) depois que o disparo foi gravado. "
            "Não o repita: ele continua sozinho quando o banco voltar. "
            f"Acompanhe com `disparo execucao ver {stored[0].dispatch_id}`."
        ) from None


def _asked(due_from: datetime | None, due_to: datetime | None, status: _Status | None) -> Asked:
    if due_from is None and due_to is None and status is None:
        raise DisparoError("Informe --vencimento-de, --ate ou --status.")
    if due_from is not None and due_to is not None and due_from > due_to:
        days = f"começa em {due_from:%d/%m/%Y} e termina antes, em {due_to:%d/%m/%Y}"
        raise DisparoError(f"O período está ao contrário: {days}.")
    return Asked(None if status is None else _WHICH[status], _day(due_from), _day(due_to))


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


async def _simulate(pool: Pool, settings: Settings, selection: Selection) -> Simulation:
    return await simulate_run(pool, selection, offers_of(settings) or [_NO_PLATFORM], rules_of(settings))


async def _start_and_follow(
    pool: Pool, settings: Settings, order: RunOrder, tell: Callable[[StoredRun], None]
) -> None:
    if not settings.platforms and not await _somebody_sends(pool):
        raise DisparoError("Nenhuma plataforma de SMS configurada.")
    stored = await _store(pool, settings, order)
    tell(stored)
    told = "Disparo" if stored.is_new else "Esta execução já existe: disparo"
    starts = to_second(stored.starts_at, settings.zone)
    print(f"{told} {stored.dispatch_id}; início em {starts}.", flush=True)  # what follows may take long
    rules = rules_of(settings)
    if Console().is_terminal:
        await follow(pool, stored.dispatch_id, rules)
    else:  # a script wants to know that all is queued, not to wait for the morning
        await queue_whole(pool, stored.dispatch_id, rules)
    await print_run(pool, stored.dispatch_id, settings)


async def _somebody_sends(pool: Pool) -> bool:
    """Tell whether there are workers: those of `disparo run` may have the simulated platform."""
    async with pool.acquire() as connection:
        return bool(await workers.list_beats(connection))


async def _store(pool: Pool, settings: Settings, order: RunOrder) -> StoredRun:
    accepting, dispatch_id = accept_settings_of(settings), new_id()
    load_calendar()

    async def work(connection: Connection) -> StoredRun:
        found = await store_run(connection, order, accepting, dispatch_id=dispatch_id)
        # Found when it is done again after a lost COMMIT, it is this command's all the same.
        return replace(found, is_new=found.dispatch_id == dispatch_id)

    try:
        return await store_once(pool, work)
    except Busy as busy:
        raise busy.__cause__ or busy from None
    except FateUnknown:
        raise DisparoError(
            "O banco de dados parou de responder enquanto gravava: não se sabe se o disparo foi agendado. "
            "Veja em `disparo execucao listar` antes de repetir."
        ) from None
    except KeyReused:
        raise DisparoError(
            "Já existe uma execução com este nome e outro filtro. Nada foi agendado."
        ) from None
    except NothingMeant:
        raise DisparoError(_NOTHING_MEANT) from None


@runs.command("listar")
def list_runs(
    limite: Annotated[int, typer.Option(min=1, max=1000, help="Quantos mostrar.")] = 20, dados: DataDir = None
) -> None:
    """Lista os disparos em lote, do mais novo ao mais antigo."""
    zone = load_settings(data_dir=dados).zone

    async def work(pool: Pool) -> Table:
        whole = Column("ID", no_wrap=True, min_width=36)  # the other commands need all of it
        table = Table(whole, "Nome", "Situação", "Criado em", "Faturas")
        async with pool.acquire() as connection:
            for dispatch_id in await bulk_runs.list_recent(connection, limit=limite):
                row = await bulk_runs.read(connection, dispatch_id)
                if row is not None:
                    at = to_minute(row["created_at"], zone)
                    total = "?" if row["total"] is None else str(row["total"])
                    state = STATE_WORDS[row["state"]]
                    table.add_row(str(dispatch_id), row["run_key"] or "", state, at, total)
        return table

    show_table(_with_pool(dados, work))


@runs.command("ver")
def show(
    id_: _Id,
    acompanhar: Annotated[bool, typer.Option("--acompanhar", help="Mostra o andamento até o fim.")] = False,
    dados: DataDir = None,
) -> None:
    """Mostra um disparo em lote: quanto foi, quanto falta, o que foi dispensado e por quê."""
    settings = load_settings(data_dir=dados)

    async def work(pool: Pool) -> None:
        await _must_exist(pool, id_)
        if acompanhar:
            await follow(pool, id_, rules_of(settings))
        await print_run(pool, id_, settings)

    _with_pool(dados, work)


@runs.command("pausar")
def pause(id_: _Id, dados: DataDir = None) -> None:
    """Pausa: nada mais é enviado até `execucao retomar`."""
    _change(dados, id_, lambda pool: bulk_control.pause_run(pool, id_, actor=actor()))
    print("Disparo pausado.")


@runs.command("retomar")
def resume(id_: _Id, dados: DataDir = None) -> None:
    """Retoma um disparo pausado."""
    _change(dados, id_, lambda pool: bulk_control.resume_run(pool, id_, actor=actor()))
    print("Disparo retomado.")


@runs.command("cancelar")
def cancel(id_: _Id, dados: DataDir = None) -> None:
    """Cancela o que ainda não foi entregue à plataforma; diz quanto já tinha ido."""
    found = _change(dados, id_, lambda pool: bulk_control.cancel_run(pool, id_, actor=actor()))
    print(f"{found.cancelled} mensagem(ns) cancelada(s); {found.gone} já tinha(m) sido enviada(s).")
    if found.again:
        print(f"{several(found.again, *NOT_AGAIN)}.")
    if found.is_unlisted:
        print(f"{UNLISTED}.")


def _change(dados: Path | None, dispatch_id: UUID, work: Callable[[Pool], Awaitable[T | None]]) -> T:
    try:
        found = _with_pool(dados, work)
    except NotPossible as error:
        raise DisparoError(f"Não é possível: o disparo está {STATE_WORDS[error.state]}.") from None
    if not found:
        raise _unknown(dispatch_id)
    return found


async def _must_exist(pool: Pool, dispatch_id: UUID) -> None:
    async with pool.acquire() as connection:
        if await bulk_runs.state_of(connection, dispatch_id) is None:
            raise _unknown(dispatch_id)


def _unknown(dispatch_id: UUID) -> DisparoError:
    return DisparoError(f"Disparo em lote de ID {dispatch_id} não encontrado.")


def _with_pool(dados: Path | None, work: Callable[[Pool], Awaitable[T]]) -> T:
    """Do `work` on a database that is ready; it opens transactions of its own."""

    async def main(dsn: str) -> T:
        await prepare_for_command(load_settings(data_dir=dados), dsn)
        async with open_pool(dsn, size=4, name="disparo-cli") as pool:
            return await work(pool)

    with database(dados) as dsn:
        return asyncio.run(main(dsn))
