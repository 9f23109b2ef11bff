"""From the first call, by HTTP to all, to the last effect, with all processes at once.

Ours: to a platform over HTTP, until every message is delivered, receipt applied, with one message a call and
with many; and to an SMSC, as Kannel is measured, until the last receipt is acknowledged, which is after its
commit. Kannel: with either store of receipts. The Celery shape: over HTTP, until its last row is sent; it has
no receipts.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.stage import Stage

from bench import house, idle
from bench.accept import memory_mb
from bench.accepting import CONNECTIONS
from bench.celery_schema import SHAPES
from bench.machine import Missing, say
from bench.over_http import StandIn
from bench.peer_celery import CeleryShape
from bench.peer_kannel import Kannel, Smsc
from bench.wrk import Target, drive

_PATIENCE_S = 300.0
#: Ours alone, after the rounds: so many stretches, each this many times as long as a round.
_STRETCHES, _LONGER = 5, 3
#: Messages that a platform takes in one call, as Infobip's preset says.
_BATCH = 50
_UNDELIVERED = "FROM messages WHERE status <> 'delivered'"
#: Given a target, and how to tell when so many accepted calls are through.
_System = tuple[Target, Callable[[int], float]]


@dataclass(frozen=True)
class _Ours:
    dsn: str
    stage: Stage
    stand_in: StandIn

    def settled(self, _count: int) -> float:
        """Wait until every message is delivered, receipt applied; gives when that was."""
        waiting = f"SELECT count(*) FROM (SELECT {_UNDELIVERED} LIMIT 1) w"
        return _when(lambda: house.ask(self.dsn, waiting) == 0)

    def memory(self, place: Path, seconds: float) -> list[dict[str, float]]:
        """Carry stretches of `seconds`; gives messages, and MB of each process, after each of them."""
        found = []
        for _ in range(_STRETCHES):
            drive(house.target(self.stage), place, connections=CONNECTIONS, seconds=seconds)
            self.settled(0)
            messages = house.ask(self.dsn, "SELECT count(*) FROM messages")
            found.append({"messages": messages, **memory_mb(self.stage)})
        return found

    def idle(self) -> dict[str, float]:
        """Measure it while nothing else runs; ends the stand-in."""
        answered = asyncio.run(idle.ask_now_and_then(self.stage))
        self.settled(0)
        named = asyncio.run(idle.references(self.dsn, list(answered)))
        return idle.figures(answered, self.stand_in.times(), named)


def measure(
    stack: ExitStack, folder: Path, options: argparse.Namespace, missing: dict[str, str]
) -> dict[str, Any]:
    place = folder / "end"
    place.mkdir()
    place.chmod(0o711)
    ours = _Ours(*house.with_stand_in(stack, place))
    systems: dict[str, _System] = {"disparo": (house.target(ours.stage), ours.settled)}
    makers: dict[str, Callable[[], _System]] = {
        "disparo_smpp": lambda: _over_smpp(stack, place),
        "disparo_batch": lambda: _in_batches(stack, place),
        "kannel_internal": lambda: _kannel(stack, place, "internal"),
        "kannel_spool": lambda: _kannel(stack, place, "spool"),
        **{name: partial(_celery, stack, place, name) for name in SHAPES},
    }
    for name, make in makers.items():
        if name in options.sem or name.partition("_")[0] in options.sem:
            continue
        try:
            systems[name] = make()
        except Missing as why:
            missing[f"{name}, de ponta a ponta"] = str(why)
            say(f"bench: SEM {name} de ponta a ponta: {why}")
    runs: dict[str, Any] = {name: {"per_s": [], "refused": []} for name in systems}
    names = list(systems)
    for turn in range(options.rodadas + 1):  # the first one only warms up
        # What a system leaves to be done when its turn is over falls on another one in each round.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            target, settled = systems[name]
            began = time.time()
            outcome = drive(target, place, connections=CONNECTIONS, seconds=options.segundos if turn else 1.0)
            took = settled(outcome.accepted) - began
            if turn:
                runs[name]["per_s"].append(round(outcome.accepted / took, 1))
                runs[name]["refused"].append(outcome.refused)
    memory = ours.memory(place, options.segundos * _LONGER)
    return {"runs": runs, "memory": memory, "idle": ours.idle()}


def slope(memory: list[dict[str, float]]) -> float:
    """MB that the process which grows most adds with 100,000 messages, after the first stretch."""
    first, last = memory[0], memory[-1]
    grown = max(last[name] - first[name] for name in first if name.startswith(("server", "worker")))
    return grown / (last["messages"] - first["messages"]) * 100_000


def _over_smpp(stack: ExitStack, place: Path) -> _System:
    dsn, stage, smsc = house.with_smsc(stack, place)
    receipts = _acknowledged(smsc)

    def settled(count: int) -> float:
        at = receipts(count)
        left = house.ask(dsn, f"SELECT count(*) {_UNDELIVERED}")
        if left:
            raise RuntimeError(f"{left} messages are not delivered, though their receipts were acknowledged")
        return at

    return house.target(stage), settled


def _in_batches(stack: ExitStack, place: Path) -> _System:
    ours = _Ours(*house.with_stand_in(stack, place, batch=_BATCH))
    return house.target(ours.stage), ours.settled


def _kannel(stack: ExitStack, place: Path, receipts: str) -> _System:
    made = Kannel(place, receipts=receipts)
    stack.callback(made.stop)
    return made.target, _acknowledged(made.smsc)


def _acknowledged(smsc: Smsc) -> Callable[[int], float]:
    """Give what waits until as many more receipts are acknowledged, and tells when the last one was.

    Calls that were under way when the load ended go through as well, counted by nobody: they are waited for.
    """
    so_far = 0

    def settled(count: int) -> float:
        nonlocal so_far
        at = smsc.settled(so_far + count, receipts=True, seconds=_PATIENCE_S)
        before = -1
        while (so_far := smsc.counts()[1]) != before:
            before = so_far
            time.sleep(0.2)  # between two looks
        return at

    return settled


def _celery(stack: ExitStack, place: Path, name: str) -> _System:
    dsn = house.database(stack, place / name, None)
    stand_in = StandIn(place)
    stack.callback(stand_in.stop)
    made = CeleryShape(place, dsn, SHAPES[name], platform=stand_in.url)
    stack.callback(made.stop)
    waiting = f"SELECT count(*) FROM (SELECT 1 FROM notifications WHERE {SHAPES[name].unsent} LIMIT 1) w"
    return made.target, lambda _count: _when(lambda: house.ask(dsn, waiting) == 0)


def _when(condition: Callable[[], bool]) -> float:
    end = time.time() + _PATIENCE_S
    while not condition():
        if time.time() > end:
            raise RuntimeError("what was accepted did not get through in time")
        time.sleep(0.1)  # between two looks
    return time.time()
