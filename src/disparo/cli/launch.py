"""Everything on one machine: database, simulator where no platform is set, server, workers."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import secrets
import socket
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from disparo.cli.processes import Family
from disparo.cli.stopping import unless
from disparo.db import platform_use
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.pool import Connection
from disparo.durable import put_in_place, write_new
from disparo.errors import DisparoError, PortTaken, in_words
from disparo.settings import SIMULATED, Settings

_PATIENCE_S, _PORT_PATIENCE_S = 60.0, 3.0
_MOST_SERVERS = 4
#: Linux gives none of these to outgoing connections, unless somebody has set it so.
_LASTING_PORTS = range(61_000, 65_000)
#: What curl's -k does: the certificate is our own, the address our own loopback.
UNVERIFIED = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
#: The name of the simulated platform, for as long as there is no other.
SIMULATOR = "simulador"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to start; `tls` are the options of `serve`, `simulator_port` None: no platform is simulated.

    `delay_s` is what the command line says; None: the settings say it, and may change while all runs.
    """

    settings: Settings
    data_dir: Path
    port: int
    workers: int
    tls: tuple[str, ...]
    simulator_port: int | None
    delay_s: float | None = None
    log_level: str = "WARNING"
    servers: int = 1

    @property
    def simulator_log(self) -> Path:
        """Where the simulated platform writes down what it takes: numbers and texts."""
        return self.data_dir / "simulador.jsonl"

    @property
    def base_url(self) -> str:
        """The server's address on this machine."""
        return local_url(self.settings.host, self.port, has_tls=bool(self.tls))

    @property
    def simulator_url(self) -> str | None:
        """The simulator's address, where there is one."""
        return None if self.simulator_port is None else f"http://127.0.0.1:{self.simulator_port}"


def local_url(host: str, port: int, *, has_tls: bool) -> str:
    """Give the address at which this machine reaches a server that listens on `host`."""
    near = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - no address to call
    return f"{'https' if has_tls else 'http'}://{f'[{near}]' if ':' in near else near}:{port}"


def open_database(settings: Settings, data_dir: Path) -> tuple[str, EmbeddedPostgres | None]:
    """Give the database's address, and the server that has to be stopped where it is our own."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value(), None
    server = EmbeddedPostgres(data_dir)
    return server.start(), server


def check_port(host: str, port: int) -> None:
    """Raise PortTaken before anything is started, DisparoError where the host is none of this machine.

    A port in use is found out only by binding to it, and waited for a moment: a server whose program was
    killed gives it up a moment later.
    """
    until = time.monotonic() + _PORT_PATIENCE_S
    while True:
        with socket.socket(_family(host)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
                    raise DisparoError(
                        f"O endereço {host} não pode ser usado: {in_words(error)}. Com --host (ou host na "
                        "configuração) vai um desta máquina, ou 0.0.0.0 para todos. Nada foi alterado."
                    ) from error
                if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                    raise PortTaken(
                        f"A porta {port} não pode ser usada: {in_words(error)}. "
                        "Escolha outra com --porta. Nada foi alterado."
                    ) from error
            else:
                return
        time.sleep(0.1)  # nothing else runs yet


def free_port(host: str = "127.0.0.1", preferred: int = 0) -> int:
    """Give the preferred port if it is free, else any that is.

    Rather one that no outgoing connection is given: such a one may take it until it is bound again.
    """
    for port in (*([preferred] if preferred else []), *random.sample(_LASTING_PORTS, 20), 0):
        with socket.socket(_family(host)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except (OSError, OverflowError):  # the one after 65535
                continue
            found: int = probe.getsockname()[1]
            return found
    raise DisparoError("Não há porta livre nesta máquina.")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def serve_arguments(host: str, port: int, tls: tuple[str, ...]) -> tuple[str, ...]:
    """Give the command line of one server process."""
    return ("serve", "--porta", str(port), "--host", host, *tls)


def fitting_servers() -> int:
    """Give how many server processes fit: one for two cores, since the database and workers need theirs."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    return max(1, min(_MOST_SERVERS, len(os.sched_getaffinity(0)) // 2, memory_gib))


@asynccontextmanager
async def launched(plan: Plan, dsn: str, *, stop: asyncio.Event | None = None) -> AsyncIterator[Family]:
    """Run all processes for as long as this lasts; ready when it begins, unless `stop` came before."""
    family = Family(_environment(plan, dsn))
    try:
        if plan.simulator_port is not None:
            port, log = str(plan.simulator_port), str(plan.simulator_log)
            simulator = ("simulador", "--porta", port, "--registro", log)
            await family.start("simulator", *simulator, hears_signals=False)
        shared = ("--porta-compartilhada",) if plan.servers > 1 else ()
        for number in range(plan.servers):
            arguments = serve_arguments(plan.settings.host, plan.port, plan.tls)
            await family.start(f"server-{number}", *arguments, *shared)
        for number in range(plan.workers):
            await family.start(f"worker-{number}", "worker")
        await unless(stop or asyncio.Event(), _until_ready(f"{plan.base_url}/saude"))
        yield family
    finally:
        await family.stop()


def _environment(plan: Plan, dsn: str) -> dict[str, str]:
    environment = {
        "DISPARO_DATABASE_URL": dsn,
        "DISPARO_DATA_DIR": str(plan.data_dir),
        "DISPARO_LOG_LEVEL": plan.log_level,
    }
    if plan.delay_s is not None:
        environment["DISPARO_DISPATCH_DELAY_S"] = str(plan.delay_s)
    if plan.simulator_url is not None:
        platform = {
            "type": "simulator",
            "url": plan.simulator_url,
            "webhook_secret": _webhook_secret(plan.data_dir),
        }
        simulated = {"platforms": {SIMULATOR: platform}, "public_url": plan.base_url}
        environment[SIMULATED] = json.dumps(simulated)
    return environment


def _webhook_secret(data_dir: Path) -> str:
    """Give the simulator's part of the receipt address, the same at every start."""
    path = data_dir / "simulador.secret"
    # An empty one is of an earlier version that was killed between making and filling it.
    if not path.exists() or not path.stat().st_size:
        fresh = path.with_suffix(".new")
        write_new(fresh, secrets.token_urlsafe(16))
        put_in_place(fresh, path)
    return path.read_text(encoding="ascii")


async def _until_ready(url: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not await asyncio.to_thread(answers, url):  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DisparoError("O servidor não ficou pronto. O motivo está nas linhas acima.") from None


async def last_real_platform(connection: Connection) -> str | None:
    """Give the platform of the settings through which SMS went last; None where there was none."""
    name = await platform_use.last(connection)
    return None if name == SIMULATOR else name


def answers(url: str) -> bool:
    """Tell whether an address answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2, context=UNVERIFIED) as answer:  # noqa: S310 - our own
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, HTTPException):  # or what is there speaks no HTTP
        return False
