"""The binds of one platform: opened, kept, opened again when they break."""

from __future__ import annotations

import asyncio
import math
import random
import socket
from collections.abc import Callable
from typing import Any

import structlog

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.base import Link
from disparo.platforms.http import CONNECT_TIMEOUT_S, ForbiddenAddress, is_forbidden
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import Command
from disparo.platforms.smpp.session import Deliver, Lost, Session
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.smpp.statuses import failure_of_bind, is_for_want_of_room, name_of, status_of

log = structlog.get_logger(__name__)

#: A bind that broke sooner has not been one.
_HELD_S = 10.0
#: Before a bind is tried again. An SMSC that is away is looked for often; one that says no has its reasons,
#: and some lock an account that keeps asking.
_FIRST_WAIT_S, _LONGEST_AWAY_S, _LONGEST_REFUSED_S = 0.5, 5.0, 60.0


_AddrInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
_LOOKING_UP: dict[tuple[asyncio.AbstractEventLoop, str, int], asyncio.Task[list[_AddrInfo]]] = {}


class Refused(Exception):
    """No session could be had; why, as a code and a class of failure.

    `for_now`: none has been there for less than a connection may take, and one may be in a moment.
    `others_may`: nothing is wrong with the account; others may have all the binds that it allows.
    """

    def __init__(
        self,
        code: str,
        failure: FailureClass,
        *,
        by_smsc: bool = False,
        for_now: bool = False,
        others_may: bool = False,
    ) -> None:
        super().__init__(code)
        self.others_may = others_may
        self.code, self.failure, self.by_smsc, self.for_now = code, failure, by_smsc, for_now

    def outcome(self, slot_ends_s: float = math.inf) -> Outcome:
        """Tell what becomes of a message that waited for a session, until its slot ended if it had one."""
        if self.for_now and math.isfinite(slot_ends_s):
            return Outcome(OutcomeKind.NOT_STARTED)
        return Outcome(OutcomeKind.NOT_TAKEN, code=self.code, failure=self.failure)


async def open_session(
    settings: SmppSettings,
    command: Command,
    *,
    deliver: Deliver | None = None,
    on_room: Callable[[], None] = lambda: None,
) -> Session:
    """Connect and bind; raises Refused."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            session = await _connect(settings, deliver, on_room)
    except (OSError, TimeoutError, UnicodeError) as error:  # TLS's is an OSError, a strange host's the last
        raise Refused(type(error).__name__, FailureClass.NETWORK) from error
    try:
        answer = await session.ask(
            command,
            pdu.write_bind(
                system_id=settings.system_id,
                password=settings.password.get_secret_value(),
                system_type=settings.system_type,
            ),
        )
    except Lost:
        session.cut()
        raise Refused("no_answer_to_bind", FailureClass.NETWORK) from None
    except BaseException:
        session.cut()
        raise
    if status := status_of(answer):
        session.cut()
        raise Refused(
            name_of(status),
            failure_of_bind(status, settings.codes),
            by_smsc=True,
            others_may=is_for_want_of_room(status, settings.codes),
        )
    return session


async def _connect(settings: SmppSettings, deliver: Deliver | None, on_room: Callable[[], None]) -> Session:
    loop, context = asyncio.get_running_loop(), settings.context()
    sock = await _socket(settings.host, settings.port)
    try:
        _, session = await loop.create_connection(
            lambda: Session(
                window=settings.bind_window, timeout_s=settings.timeout_s, deliver=deliver, on_room=on_room
            ),
            sock=sock,
            ssl=context,
            server_hostname=settings.host if context else None,
        )
    except BaseException:
        sock.close()
        raise
    return session


async def _addresses(host: str, port: int) -> list[_AddrInfo]:
    """Look a name up; while it is under way, whoever else wants it waits for the same answer.

    Where DNS is silent a look lasts longer than we wait for it, and holds one of the few threads that the
    whole process has: one for each bind and each try would leave none for the names of other platforms.
    """
    loop = asyncio.get_running_loop()
    key = (loop, host, port)
    if key not in _LOOKING_UP:
        looking = loop.create_task(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        _LOOKING_UP[key] = looking

        def forget(done: asyncio.Task[list[_AddrInfo]]) -> None:
            del _LOOKING_UP[key]
            if not done.cancelled():
                done.exception()  # whoever wanted it may have given up

        looking.add_done_callback(forget)
    return await asyncio.shield(_LOOKING_UP[key])


async def _socket(host: str, port: int) -> socket.socket:
    """Connect to the first address of a name that takes us, none of those that may not be called.

    Each has its share of the time: one that answers nobody must not use up the others'.
    """
    loop = asyncio.get_running_loop()
    why: OSError = OSError("no address")
    found = await _addresses(host, port)
    for family, kind, protocol, _, address in found:
        if is_forbidden(str(address[0])):
            why = ForbiddenAddress(address[0])
            continue
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S / len(found)):
                await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            why = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise why


class Binds:
    """The binds of one platform: `keep` opens those of the settings, `session` gives one with most room."""

    def __init__(self, name: str, settings: SmppSettings) -> None:
        self._name = name
        self._settings = settings
        self._sessions: list[Session] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._refused: Refused | None = None
        self._lacking_since: float | None = None  # since when (the loop's clock) somebody waits for room

    @property
    def is_kept(self) -> bool:
        """Whether `keep` was called, and not `close`."""
        return bool(self._tasks)

    @property
    def link(self) -> Link:
        """Whether one is bound; if none is, why, where others may be."""
        if self._sessions or self._refused is None or not self._refused.others_may:
            return Link(is_up=bool(self._sessions))
        return Link(is_up=False, refused=self._refused.code)

    def keep(self, deliver: Deliver) -> None:
        """Open the binds, and open them again whenever they break, until `close`."""
        self._tasks = [
            asyncio.create_task(self._keep_one(deliver), name=f"bind:{self._name}")
            for _ in range(self._settings.binds)
        ]

    async def session(self, until: float) -> Session:
        """Give the session with most room, until then (the loop's clock); raises Refused.

        Where none is bound and the last attempt failed, nobody waits for the next.
        """
        while True:
            best = max(self._sessions, key=lambda each: each.room, default=None)
            if best is not None and best.room > 0:
                # Of those with the same room the one that waited longest: each has its share of the rate.
                self._sessions.remove(best)
                self._sessions.append(best)
                self._lacking_since = None
                return best
            if not self._sessions and self._refused is not None:
                raise self._refused
            self._changed.clear()
            if self._lacking_since is None:
                self._lacking_since = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                raise self._lack() from None

    def _lack(self) -> Refused:
        now = asyncio.get_running_loop().time()
        for_now = self._lacking_since is None or now - self._lacking_since < CONNECT_TIMEOUT_S
        return Refused("no_room" if self._sessions else "no_bind", FailureClass.NETWORK, for_now=for_now)

    async def close(self) -> None:
        """Say goodbye on every bind."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_one(self, deliver: Deliver) -> None:
        failures, longest_s = 0, _LONGEST_AWAY_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                session = await open_session(
                    self._settings, Command.BIND_TRANSCEIVER, deliver=deliver, on_room=self._changed.set
                )
            except Refused as error:
                failures += 1
                longest_s = _LONGEST_REFUSED_S if error.by_smsc else _LONGEST_AWAY_S
                if self._refused is None or self._refused.code != error.code:
                    log.warning("bind_refused", platform=self._name, code=error.code, failure=error.failure)
                self._refused = error
                self._changed.set()
            else:
                await self._hold(session)
                held_s = asyncio.get_running_loop().time() - began
                failures = 0 if held_s > _HELD_S else failures + 1
            await asyncio.sleep(_wait_s(failures, longest_s))

    async def _hold(self, session: Session) -> None:
        self._sessions.append(session)
        self._refused = None
        self._changed.set()
        log.info("bound", platform=self._name, binds=len(self._sessions))
        try:
            await session.keep_alive(self._settings.enquire_every_s)
        finally:
            self._sessions.remove(session)
            self._refused = None  # what was said to another bind says nothing of this one
            if not session.lost.done():
                await session.leave()
        log.warning("bind_lost", platform=self._name, binds=len(self._sessions))


def _wait_s(failures: int, longest_s: float) -> float:
    wait_s: float = min(longest_s, _FIRST_WAIT_S * 2 ** min(failures, 10))
    return wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
