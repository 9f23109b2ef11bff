"""A whole installation for tests: real processes, and short ways to look into them."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import argon2
import asyncpg
from tests.support.asking import Asker
from tests.support.client import DISPATCH, Answer, Client
from tests.support.program import command
from tests.support.stage import Stage

from disparo.auth.permissions import Permission
from disparo.auth.tokens import digest
from disparo.sources.demo_data import add_demo_data

ALL = tuple(Permission)
_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "s3nha-de-teste"


class House:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.simulator = Client(stage.simulator_url)
        self.anonymous = Client(stage.base)
        self._asker = Asker(stage.dsn)

    def run(self, work: Callable[[asyncpg.Connection], Any]) -> Any:
        return self._asker.run(work)

    def close(self) -> None:
        self._asker.close()

    def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return self._asker.fetch(query, *arguments)

    def value(self, query: str, *arguments: object) -> Any:
        return self.run(lambda connection: connection.fetchval(query, *arguments))

    def command(self, *arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
        """A command of the program on this installation; `changes`: of its environment."""
        return command(*arguments, env={**self.stage.environment(), **changes})

    def account(self, *, permissions: tuple[str, ...] = ALL, **client: object) -> dict[str, Any]:
        """A fresh user and API client: what /oauth/token asks for."""
        email, secret = f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(32)
        names = ["name", "secret_sha256", *client]
        values = ["teste", digest(secret), *client.values()]
        marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
        client_id = self.value(
            f"INSERT INTO api_clients ({', '.join(names)}) VALUES ({marks}) RETURNING id", *values
        )
        self.fetch(
            "INSERT INTO users (email, password_hash, permissions) VALUES ($1, $2, $3)",
            email,
            _HASHER.hash(PASSWORD),
            list(permissions),
        )
        return {
            "grant_type": "password",
            "client_id": client_id,
            "client_secret": secret,
            "username": email,
            "password": PASSWORD,
        }

    def client(self, **kwargs: Any) -> Client:
        """A client with a live token of a fresh account."""
        answer = self.anonymous.post("/oauth/token", self.account(**kwargs))
        assert answer.status == 200, answer.raw
        return Client(self.stage.base, answer.json["access_token"])

    def behave(self, **behaviour: object) -> None:
        answer = self.simulator.post("/v1/behaviour", behaviour)
        assert answer.status == 200, answer.raw

    def write_settings(self, text: str) -> None:
        """Write the settings file, of which nobody reads a half."""
        file = self.stage.settings_file
        assert file is not None
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)

    def states(self, client: Client, sent: Answer) -> list[str]:
        shown = client.get(f"{DISPATCH}/{sent.json['disparo']['id']}")
        assert shown.status == 200, shown.raw
        return [message["situacao"] for message in shown.json["disparo"]["mensagens"]]

    def until(self, condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
        """Give what a condition finds once it does; `seconds` say only how long one that never does may take."""
        began = time.monotonic()
        while (waited_s := time.monotonic() - began) < seconds:
            found = condition()
            if found:
                return found
            # Asking is the house's work, of which the other tests' houses have less time: the longer, the rarer.
            time.sleep(min(0.25, 0.05 + waited_s / 20))  # between two looks
        raise AssertionError("it did not happen in time")

    def until_state(self, client: Client, sent: Answer, state: str) -> None:
        self.until(lambda: set(self.states(client, sent)) == {state})

    def forget(self, dispatch_id: UUID) -> None:
        """Delete a dispatch and all that hangs on it, which the house may be at work on in another order."""

        def is_gone() -> bool:
            with suppress(asyncpg.DeadlockDetectedError):
                self.fetch("DELETE FROM dispatches WHERE id = $1", dispatch_id)
                return True
            return False

        self.until(is_gone)

    def put_off(self, dispatch_id: UUID | str, count: int) -> None:
        """Have all `count` messages of a dispatch wait until tomorrow, so that no worker has one in hand.

        While nothing can go, workers look at what waits now and then, and what one looks at is not cancelled.
        """
        later = """UPDATE messages SET due_at = now() + interval '1 day'
                   WHERE dispatch_id = $1::text::uuid AND status = 'queued' RETURNING id"""
        self.until(lambda: len(self.fetch(later, str(dispatch_id))) == count)

    def pause(self, platform: str = "simulador") -> None:
        """Pause a platform; every worker knows of it then."""
        self.fetch(
            """INSERT INTO platform_states (platform, paused_by, paused_at) VALUES ($1, 'cli:root', now())
               ON CONFLICT (platform) DO UPDATE SET paused_by = 'cli:root', paused_at = now()""",
            platform,
        )
        self.until_heard("platform_paused")

    def resume(self) -> None:
        """Have no platform paused, or stopped, any more; every worker knows of it then."""
        self.fetch("DELETE FROM platform_states")
        self.until_heard("platform_resumed")

    def until_heard(self, event: str) -> None:
        """Wait until every worker heard last that a platform is paused, or that it is resumed."""
        heard = re.compile("platform_(?:paused|resumed)")
        self.until(
            lambda: all(heard.findall(role.log.read_text())[-1:] == [event] for role in self.stage.workers)
        )

    def received(self, text: str) -> list[dict[str, Any]]:
        """What the simulator took with `text` in it, oldest first."""
        found = self.simulator.get("/v1/messages?limit=1000").json["messages"]
        return [message for message in reversed(found) if text in message["text"]]


@contextmanager
def house(dsn: str, folder: Path, **stage: Any) -> Iterator[House]:
    """Run an installation with the made-up data set."""
    built = Stage(dsn, folder, **{"workers_count": 1, "latency_ms": 0, **stage})
    try:
        asyncio.run(built.__aenter__())
        with closing(House(built)) as home:
            home.run(add_demo_data)
            home.behave(receipt_delay_ms=20)
            yield home
    finally:
        asyncio.run(built.__aexit__())
