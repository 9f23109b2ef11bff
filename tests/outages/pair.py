"""A house with two platforms of the same order and weight: one that stays well, and one that suffers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from tests.faults.proxy import Proxy
from tests.outages.certificates import Authority
from tests.outages.names import Names
from tests.support.stage import Role, Stage, free_port

from disparo.platforms.registry import SIMULATOR

WELL, ILL = "sadia", "doente"
_LATENCY_MS = 60


class Pair:
    """The ill one stands behind TLS and a host name; with `own_names` the name is ours to take away."""

    def __init__(self, dsn: str, folder: Path, *, workers: int, own_names: bool) -> None:
        self.folder = folder
        self.host = "plataforma.test" if own_names else "localhost"
        self.names = Names(folder, self.host) if own_names else None
        self.ill_log = folder / "ill.jsonl"
        self._ill_port = free_port()
        trusted = Authority(folder, "trusted")
        self.good_tls = trusted.context(self.host)
        self.bad_tls = Authority(folder, "stranger").context(self.host)
        self.front = Proxy(
            lambda: asyncio.open_connection("127.0.0.1", self._ill_port), tls=self.good_tls, port=free_port()
        )
        self.stage = Stage(dsn, folder, workers_count=workers, latency_ms=_LATENCY_MS)
        self.stage.overrides = {
            "DISPARO_PLATFORMS": json.dumps({WELL: self._well(), ILL: self._ill()}),
            "DISPARO_REAL_SENDING": "yes",
        }
        # Of workers alone, who hand over: it is read while loading, so that they begin from nothing.
        trusting = {"SSL_CERT_FILE": str(trusted.file)}
        self.stage.worker_environments = dict.fromkeys(range(workers), trusting)
        self.ill = Role(
            "ill",
            ["disparo", "simulador", "--porta", str(self._ill_port), "--registro", str(self.ill_log)],
            self.stage.environment(),
            folder / "ill.log",
        )

    @property
    def logs(self) -> dict[str, Path]:
        return {WELL: self.stage.simulator_log, ILL: self.ill_log}

    async def __aenter__(self) -> Pair:
        await self.start_ill()
        await self.front.start()
        await self.stage.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stage.__aexit__()
        self.front.shut()
        await asyncio.to_thread(self.ill.stop)

    async def start_ill(self) -> None:
        """Start the ill platform's process, and wait until it answers."""
        self.ill.start()
        while not await self._answers():
            await asyncio.sleep(0.05)
        await self.behave(latency_ms=_LATENCY_MS)

    async def behave(self, **behaviour: object) -> None:
        """Tell the ill platform how to behave."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self._ill_port}/v1/behaviour", json=behaviour) as answer,
        ):
            answer.raise_for_status()

    async def _answers(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self._ill_port}/v1/stats") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def _well(self) -> dict[str, Any]:
        url = self.stage.simulator_url
        return {"type": "simulator", "url": url, "webhook_secret": "ensaio", "order": 0}

    def _ill(self) -> dict[str, Any]:
        return {
            **SIMULATOR,
            "type": "generic_http",
            "url": f"https://{self.host}:{self.front.port}/v1/messages",
            # The simulator answers only to this machine's own names.
            "headers": {"Host": f"localhost:{self._ill_port}"},
            "webhook_secret": "ensaio",
            "order": 0,
        }
