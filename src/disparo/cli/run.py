"""`disparo run`: everything on this machine, in the foreground."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Annotated

import typer

from disparo.cli.banner import banner
from disparo.cli.context import DataDir, data_dir_of, refuse_on_anothers
from disparo.cli.credentials import Credentials, make_both
from disparo.cli.failing_starts import told_where_it_fails
from disparo.cli.health_watch import watch_health
from disparo.cli.launch import (
    Plan,
    check_port,
    fitting_servers,
    free_port,
    last_real_platform,
    launched,
    open_database,
)
from disparo.cli.listening import CertificateFile, Host, KeyFile, Port, SelfSigned, certificate_of, tls_of
from disparo.cli.notify import tell_systemd
from disparo.cli.outage import Outage
from disparo.cli.processes import Family
from disparo.cli.stopping import stop_signal, unless
from disparo.cli.telling import teller
from disparo.cli.upgrade import prepare_with_backup
from disparo.db import accounts
from disparo.db.data_dir import make_data_dir
from disparo.db.pool import TRANSIENT, connected
from disparo.errors import DisparoError
from disparo.log import configure_logging
from disparo.platforms.registry import check_tables
from disparo.settings import Settings, load_settings
from disparo.sources.demo_data import add_demo_data, retire_demo_data

_FIRST_USER = "admin@example.com"
_LOOK_EVERY_S = 1.0
#: The simulated one would take everything, and say of all that it was delivered.
_NO_PLATFORM_ANY_MORE = (
    "ATENÇÃO: já saíram SMS por uma plataforma, e a configuração não tem mais nenhuma: nada é enviado, e "
    "chamadas são recusadas, até que haja uma. Confira o disparo.toml (disparo doctor diz qual é lido)."
)


def run(
    dados: DataDir = None,
    porta: Port = None,
    host: Host = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Quantos workers.")] = 1,
    servidores: Annotated[
        int | None, typer.Option(min=1, max=64, help="Quantos processos do servidor (padrão: os que cabem).")
    ] = None,
    atraso: Annotated[
        float | None, typer.Option(min=0, help="Segundos entre aceitar e enviar (padrão: 60).")
    ] = None,
    tls_self_signed: SelfSigned = False,
    tls_certificado: CertificateFile = None,
    tls_chave: KeyFile = None,
    servico: Annotated[
        bool, typer.Option("--servico", help="Para o systemd: sem dados de exemplo nem credenciais na tela.")
    ] = False,
) -> None:
    """Inicia tudo nesta máquina e mostra como fazer a primeira chamada. Ctrl-C encerra."""
    with told_where_it_fails(dados) if servico else nullcontext():
        settings = load_settings(
            data_dir=dados, port=porta, host=host, tls_certificate=tls_certificado, tls_key=tls_chave
        )
        options = _Options(workers, servidores, atraso, own_tls=tls_self_signed, as_service=servico)
        _run_with(settings, options)


@dataclass(frozen=True, slots=True)
class _Options:
    """What the command line alone says."""

    workers: int
    servers: int | None
    delay_s: float | None
    own_tls: bool
    as_service: bool


def _run_with(settings: Settings, options: _Options) -> None:
    log_level = _log_level(settings, as_service=options.as_service)
    configure_logging(level=log_level)
    check_tables(settings.platforms)
    teller(settings)  # workers need it; what is wrong with it is said before anything is started
    check_port(settings.host, settings.port)
    if settings.database_url is None:
        refuse_on_anothers(data_dir_of(settings), as_service=options.as_service)
    data_dir = make_data_dir(data_dir_of(settings))
    certificate = certificate_of(settings, own=options.own_tls)
    port = settings.port or free_port(settings.host)
    plan = Plan(
        settings=settings,
        data_dir=data_dir,
        port=port,
        workers=options.workers,
        servers=options.servers or fitting_servers(),
        tls=tls_of(certificate),
        simulator_port=None if settings.platforms else free_port(preferred=port + 1),
        delay_s=options.delay_s,
        log_level=log_level,
    )
    dsn, server = open_database(settings, data_dir)
    try:
        asyncio.run(_run(plan, dsn, as_service=options.as_service))
    finally:
        if server is not None:
            server.stop()


def _log_level(settings: Settings, *, as_service: bool) -> str:
    """A line for each request would bury what is printed at a terminal; whoever wants them says so."""
    wanted = as_service or "log_level" in settings.model_fields_set
    return settings.log_level if wanted else "WARNING"


async def _run(plan: Plan, dsn: str, *, as_service: bool) -> None:
    stop, loop = stop_signal(), asyncio.get_running_loop()
    ours = await unless(stop, prepare_with_backup(plan.settings, dsn))
    if ours is None:
        return
    if plan.settings.platforms:
        await _retire(plan, dsn)
    elif await _had_a_platform(dsn):
        plan = replace(plan, simulator_port=None)
        print(_NO_PLATFORM_ANY_MORE, flush=True)
    may_lose_terminal = as_service or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under nohup
    if not may_lose_terminal:
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    async with launched(plan, dsn, stop=stop) as family:
        if not stop.is_set():
            # It asks for the settings, or says that the terminal is gone.
            loop.add_signal_handler(signal.SIGHUP, _hang_up, family, stop, may_lose_terminal)
            print(await _greeting(plan, dsn, as_service=as_service), flush=True)
            tell_systemd("READY=1")
            Outage(plan.data_dir).note_up()
            if not ours:
                print(
                    "ATENÇÃO: este banco é uma cópia restaurada. As mensagens pendentes estão retidas; "
                    "confira e rode: disparo retomar",
                    flush=True,
                )
            async with _watched(plan, dsn):
                await stop.wait()
        tell_systemd("STOPPING=1")
        print("\nEncerrando...", flush=True)
    where = plan.data_dir if plan.settings.database_url is None else "seu PostgreSQL"
    print("Encerrado. Os dados ficam em", where, flush=True)


def _hang_up(family: Family, stop: asyncio.Event, may_lose_terminal: bool) -> None:
    if may_lose_terminal or _has_terminal():
        family.send_signal(signal.SIGHUP)
    else:
        stop.set()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def _had_a_platform(dsn: str) -> bool:
    """Tell whether SMS went through a platform of the settings before."""
    async with connected(dsn) as connection:
        return await last_real_platform(connection) is not None


async def _greeting(plan: Plan, dsn: str, *, as_service: bool) -> str:
    """Give what is printed when all is ready; credentials are made only now, when they can be shown.

    What a service prints is kept in a journal: no credentials there, and no made-up customers.
    """
    if as_service:
        return f"Disparo no ar: {plan.base_url}"
    to_try = plan.settings.database_url is None and not plan.settings.platforms
    credentials, has_client = await _first_start(dsn, with_data=to_try)
    return banner(plan, credentials, has_client=has_client)


async def _first_start(dsn: str, *, with_data: bool) -> tuple[Credentials | None, bool]:
    """Make the first user, client and made-up data where there is no user; tell whether there is a client."""
    async with connected(dsn) as connection, connection.transaction():
        if await accounts.list_users(connection):
            return None, bool(await accounts.list_clients(connection))
        if with_data:
            await add_demo_data(connection)
        return await make_both(connection, _FIRST_USER, "primeiro cliente de API"), True


@asynccontextmanager
async def _watched(plan: Plan, dsn: str) -> AsyncIterator[None]:
    """Look whether all is well, and for the first platform, where there is none yet."""
    watching = [
        asyncio.create_task(watch_health(f"{plan.base_url}/saude", plan.settings, Outage(plan.data_dir)))
    ]
    if plan.simulator_port is not None:
        watching.append(asyncio.create_task(_retire_at_the_first(plan, dsn)))
    try:
        yield
    finally:
        for task in watching:
            task.cancel()


async def _retire_at_the_first(plan: Plan, dsn: str) -> None:
    """Workers take a changed file up three seconds after they see it."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        with suppress(DisparoError, *TRANSIENT):  # a wrong file, or the database away: the next look
            if load_settings().platforms:
                return await _retire(plan, dsn)


async def _retire(plan: Plan, dsn: str) -> None:
    """Where there is a platform, no SMS goes to the made-up customers of an earlier first start.

    Nor is it kept what went to the simulated one: real customers may have been brought in before.
    """
    plan.simulator_log.unlink(missing_ok=True)
    async with connected(dsn) as connection:
        if count := await retire_demo_data(connection):
            print(
                f"Há uma plataforma configurada: {count} fatura(s) de exemplo foram canceladas.", flush=True
            )
