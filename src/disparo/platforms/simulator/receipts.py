"""The simulator's receipts: posted to the address each message came with, until somebody takes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from disparo.platforms.simulator.behaviour import Behaviour
from disparo.platforms.simulator.store import Entry, Store

#: Tells whether a message's receipt was taken.
Way = Callable[[Entry, Mapping[str, object]], Awaitable[bool]]

_LONGEST_WAIT_S = 5.0
_TRIES = 100
_AT_ONCE = 50


class ReceiptSender:
    """One for the process; `later` never blocks."""

    def __init__(self, store: Store, behaviour: Callable[[], Behaviour]) -> None:
        self._store = store
        self._behaviour = behaviour
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        #: Other ways than a call to the address a message came with: by what stands in the address's place.
        self.ways: dict[str, Way] = {}

    def later(self, message: Entry) -> None:
        """Confirm a message as the behaviour of this moment says."""
        behaviour = self._behaviour()
        if not message.get("callback") or not behaviour.receipts or not behaviour.receipt_times:
            return
        self._tasks.add(task := asyncio.create_task(self._confirm(message, behaviour)))
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop; what was not posted yet is posted after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _confirm(self, message: Entry, behaviour: Behaviour) -> None:
        for number, status in enumerate(behaviour.receipts, 1):
            await asyncio.sleep(behaviour.receipt_delay_ms / 1000)
            receipt = {
                "id": message["id"],
                "reference": message["reference"],
                "status": status,
                "code": behaviour.receipt_code,
                "carrier": "SIMULADA",
            }
            taken = all([await self._bring(message, receipt) for _ in range(behaviour.receipt_times)])
            last = number == len(behaviour.receipts)
            if taken or last:
                at = round(time.time(), 3)
                self._store.add({"at": at, "receipt": status, "id": message["id"], "last": last, "ok": taken})

    async def _bring(self, message: Entry, receipt: dict[str, object]) -> bool:
        """Tell it until somebody takes it, or says for good that they do not."""
        for attempt in range(_TRIES):
            way = self.ways.get(message["callback"])
            taken = await (self._post(message["callback"], receipt) if way is None else way(message, receipt))
            if taken is not False:
                return bool(taken)
            await asyncio.sleep(min(_LONGEST_WAIT_S, 0.1 * 2**attempt))
        return False

    async def _post(self, url: str, receipt: dict[str, object]) -> bool | None:
        """Post it; False: it may be taken next time, None: nobody there knows us."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        try:
            async with (
                self._places,
                # The address is this machine's own server; its certificate may be self-signed.
                self._session.post(url, json=receipt, allow_redirects=False, ssl=False) as answer,
            ):
                if answer.status == 404:  # noqa: PLR2004 - nobody there knows us
                    return None
                return answer.status < 300  # noqa: PLR2004 - any success
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False
