"""The stage: a private PostgreSQL, the simulator, servers and workers, each a process that can be killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import aiohttp
import argon2
import asyncpg
from tests.support import forks

from disparo.dispatch.prepare import prepare

EMAIL, PASSWORD = "ensaio@example.com", secrets.token_urlsafe(16)
SECRET = secrets.token_urlsafe(32)


def _candidates() -> Iterator[int]:
    """Each test process's own ports, each given once before any comes again.

    They are below those a system gives to outgoing connections: one of these may take the port asked of the
    system a moment ago, and the system may give the same one twice.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = range(12_000 + 2_500 * (number % 8), 14_500 + 2_500 * (number % 8))
    start = random.randrange(len(own))  # two suites at once seldom begin at the same
    return cycle([*own[start:], *own[:start]])


_PORTS = _candidates()


def free_port() -> int:
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("unreachable: the candidates never end")


@dataclass
class Role:
    """One place on the stage; its process comes and goes."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | forks.Fork | None = None

    def start(self, **extra: str) -> None:
        self.process = forks.begin(self.arguments, {**self.environment, **extra}, self.log)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.lives:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.reap()

    def reap(self) -> None:
        if self.process is not None:
            self.process.wait(30)

    def stop(self) -> None:
        if not self.lives:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.reap()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.reap()


@dataclass
class Stage:
    dsn: str
    folder: Path
    workers_count: int = 3
    latency_ms: int = 60
    overrides: Mapping[str, str] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    server_arguments: tuple[str, ...] = ()
    servers_count: int = 1
    process_dsn: str | None = None  # how the processes reach the database, where that is not `dsn`
    platform_url: str | None = None  # how they reach the platform, where that is not the simulator itself
    per_second: float | None = None  # the platform's limit
    over_smpp: bool = False  # the simulator is reached as an SMSC, over `smsc_port`
    platform_port: int | None = None  # how they reach that one, where it is not itself
    settings_file: Path | None = None  # platforms stand there, and not in the environment
    worker_environments: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    server_port: int = field(default_factory=free_port)
    simulator_port: int = field(default_factory=free_port)
    smsc_port: int = field(default_factory=free_port)

    @property
    def base(self) -> str:
        is_safe = "--tls-self-signed" in self.server_arguments or "DISPARO_TLS_CERTIFICATE" in self.overrides
        return f"http{'s' if is_safe else ''}://127.0.0.1:{self.server_port}"

    @property
    def servers(self) -> list[Role]:
        return [role for name, role in self.roles.items() if name.startswith("server")]

    def base_of(self, server: Role) -> str:
        return f"{self.base.rpartition(':')[0]}:{server.arguments[server.arguments.index('--porta') + 1]}"

    @property
    def simulator_url(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    @property
    def simulator_log(self) -> Path:
        return self.folder / "simulator.jsonl"

    @property
    def workers(self) -> list[Role]:
        return [role for name, role in self.roles.items() if name.startswith("worker")]

    def environment(self) -> dict[str, str]:
        platform = self._smsc() if self.over_smpp else self._simulator()
        if self.per_second is not None:
            platform["per_second"] = self.per_second
        platforms = {"DISPARO_PLATFORMS": json.dumps({"simulador": platform})}
        if self.settings_file is not None:
            platforms = {"DISPARO_CONFIG": str(self.settings_file)}
        return {
            "DISPARO_DATABASE_URL": self.process_dsn or self.dsn,
            "DISPARO_DATA_DIR": str(self.folder / "data"),
            **platforms,
            "DISPARO_PUBLIC_URL": self.base,
            "DISPARO_DISPATCH_DELAY_S": "0",
            "DISPARO_RATE_PER_S": "0",
            "DISPARO_TOKEN_RATE_PER_MIN": "0",
            "DISPARO_MAX_EXTRA_PHONES_PER_DAY": "100000000",
            "DISPARO_BRAND": "ENSAIO",
            **({"DISPARO_REAL_SENDING": "yes"} if self.over_smpp else {}),
            **self.overrides,
        }

    def _simulator(self) -> dict[str, object]:
        url = self.platform_url or self.simulator_url
        return {"type": "simulator", "url": url, "webhook_secret": "ensaio"}

    def _smsc(self) -> dict[str, object]:
        return {
            "type": "smpp",
            "host": "127.0.0.1",
            "port": self.platform_port or self.smsc_port,
            "tls": False,
            "system_id": "ensaio",
            "password": "ensaio",
            "binds": 2,
            "bind_window": 25,
        }

    async def __aenter__(self) -> Stage:
        await prepare(self.dsn)
        await self._add_account()
        self._add(
            "simulator",
            "disparo",
            "simulador",
            "--porta",
            str(self.simulator_port),
            "--registro",
            str(self.simulator_log),
            "--porta-smpp",
            str(self.smsc_port),
        )
        self._add("server", "disparo", "serve", "--porta", str(self.server_port), *self.server_arguments)
        for number in range(1, self.servers_count):
            self._add(
                f"server{number}", "disparo", "serve", "--porta", str(free_port()), *self.server_arguments
            )
        for number in range(self.workers_count):
            self._add(f"worker{number}", "disparo", "worker")
            self.roles[f"worker{number}"].environment.update(self.worker_environments.get(number, {}))
        for role in self.roles.values():
            role.start()
        await self._answers(self.roles["simulator"], f"{self.simulator_url}/v1/stats")
        for server in self.servers:
            health = "/saude" if self.workers_count else "/saude/vivo"
            await self._answers(server, self.base_of(server) + health)
        await self.behave({"latency_ms": self.latency_ms})
        return self

    async def __aexit__(self, *_: object) -> None:
        for role in reversed(list(self.roles.values())):
            await asyncio.to_thread(role.stop)  # the loop goes on: proxies live on it

    def _add(self, name: str, *arguments: str) -> None:
        self.roles[name] = Role(name, list(arguments), self.environment(), self.folder / f"{name}.log")

    async def _add_account(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        await connection.execute(
            "INSERT INTO users (email, password_hash, permissions) VALUES ($1, $2, $3)",
            EMAIL,
            argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD),
            ["send", "send_bulk", "cancel", "remove_opt_out", "admin"],
        )
        await connection.execute(
            "INSERT INTO api_clients (name, secret_sha256) VALUES ('ensaio', $1)",
            hashlib.sha256(SECRET.encode()).digest(),
        )
        await connection.close()

    async def _answers(self, role: Role, url: str) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            for _ in range(600):
                try:
                    async with session.get(url) as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if not role.lives:
                    break
                await asyncio.sleep(0.1)
        raise RuntimeError(f"{url} does not answer; the end of {role.log}:\n{role.log.read_text()[-3000:]}")

    async def behave(self, behaviour: dict[str, object]) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.simulator_url}/v1/behaviour", json=behaviour) as response,
        ):
            response.raise_for_status()

    async def token(self) -> str:
        body = {
            "grant_type": "password",
            "client_id": "1",
            "client_secret": SECRET,
            "username": EMAIL,
            "password": PASSWORD,
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.base}/oauth/token", json=body) as response,
        ):
            return (await response.json())["access_token"]
