"""The driver: calls enviar_sms like a client would and writes down every 200."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import aiohttp
import asyncpg
from tests.support.client import SEND
from tests.support.rows import add_invoices
from tests.support.stage import Stage


async def add_tokens(connection: asyncpg.Connection, count: int) -> None:
    """Invoices whose link, and so whose text, carries a token of its own: T + 16 hexadecimal digits."""
    await add_invoices(connection, count)
    await connection.execute(
        "UPDATE invoices SET link = 'https://f.example.com/T' || substr(md5('ensaio' || id), 1, 16)"
    )


@dataclass
class Driver:
    """`accepted` holds the phones of every 200, by dispatch id."""

    stage: Stage
    seed: int
    calls_per_s: float
    invoices: int
    most_extra: int = 2  # phones beside the customer's own
    accepted: dict[str, list[str]] = field(default_factory=dict)
    without_200: int = 0
    _stop: bool = False
    _invoice: int = 0

    async def run(self) -> None:
        """Call until told to stop; run again it goes on with the next invoice."""
        self._stop = False
        headers = {"Authorization": f"Bearer {await self.stage.token()}"}
        rng = random.Random(self.seed)
        bases = [self.stage.base_of(server) for server in self.stage.servers]
        calls: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(30)) as session:
            while not self._stop and self._invoice < self.invoices:
                self._invoice += 1
                invoice = self._invoice
                extra = [
                    f"119{rng.randrange(60_000_000, 99_999_999)}"
                    for _ in range(rng.randint(0, self.most_extra))
                ]
                url = bases[invoice % len(bases)] + SEND
                calls.add(task := asyncio.create_task(self._call(session, url, invoice, extra)))
                task.add_done_callback(calls.discard)
                await asyncio.sleep(1 / self.calls_per_s)
            await asyncio.gather(*calls)

    async def _call(self, session: aiohttp.ClientSession, url: str, invoice: int, extra: list[str]) -> None:
        body = {"id_fatura": str(invoice), "telefone_adicional": extra}
        try:
            async with session.post(url, json=body) as response:
                reply = await response.json()
                if response.status == 200:
                    phones = [item["telefone"] for item in reply["job"]["telefones"]]
                    self.accepted[reply["disparo"]["id"]] = phones
                    return
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            pass
        self.without_200 += 1  # the client may not count on it

    def stop(self) -> None:
        self._stop = True
