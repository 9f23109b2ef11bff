"""Accepting alone: we and the Celery shape hand nothing over meanwhile; the gateways do, to their SMSC."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import house
from bench.accept import commits
from bench.celery_schema import SHAPES
from bench.machine import Missing, say
from bench.peer_celery import CeleryShape
from bench.peer_jasmin import Jasmin
from bench.peer_kannel import Kannel, Smsc
from bench.wrk import Target, drive

CONNECTIONS = 64
#: Many more than a server process lets wait: what comes past its capacity is told so.
CROWD = 1024
ONE_PROCESS = "disparo, 1 processo"
_QUIET_S = 60.0


def measure(
    stack: ExitStack, folder: Path, options: argparse.Namespace, library: Path | None, missing: dict[str, str]
) -> dict[str, Any]:
    place = folder / ("slow" if library else "as_is")
    place.mkdir(exist_ok=True)
    place.chmod(0o711)
    dsn = house.database(stack, place / "ours", library)
    built = house.stage(stack, dsn, place / "stage", processes=options.processos, workers=0)
    ours = house.target(built)
    systems: dict[str, tuple[Target, Smsc | None]] = {"disparo": (ours, None)}
    if options.processos > 1 and library is None:
        alone = house.database(stack, place / "alone", None)
        one = house.stage(stack, alone, place / "one", processes=1, workers=0)
        systems[ONE_PROCESS] = (house.target(one), None)

    def bring(name: str, make: Callable[[], Any]) -> None:
        if name in options.sem or name.partition("_")[0] in options.sem:
            missing[name] = "deixado de fora (--sem)"
            return
        try:
            made = make()
        except Missing as why:
            missing[name] = str(why)
            say(f"bench: SEM {name}: {why}")
            return
        stack.callback(made.stop)
        systems[name] = made.target, getattr(made, "smsc", None)

    for shape in SHAPES:
        bring(shape, partial(_celery, stack, place, shape, library))
    if library is None:  # neither waits for a flush: a slow one would change nothing
        bring("kannel_file", lambda: Kannel(place))
        bring("jasmin", lambda: Jasmin(place))
    runs: dict[str, Any] = {name: {"per_s": [], "p99_ms": [], "refused": []} for name in systems}
    runs["disparo, 1024 conexões"] = {"per_s": [], "p99_ms": [], "refused": []}
    runs["limite: COMMIT de uma linha"] = {"per_s": []}
    for turn in range(options.rodadas + 1):  # the first one only warms up
        seconds = options.segundos if turn else 1.0
        for name, (target, smsc) in systems.items():
            note = runs[name] if turn else None
            _one(note, target, place, connections=CONNECTIONS, seconds=seconds)
            _settle(smsc)
        if turn:
            _one(runs["disparo, 1024 conexões"], ours, place, connections=CROWD, seconds=seconds)
            rate = asyncio.run(commits(dsn, CONNECTIONS, seconds / 2))
            runs["limite: COMMIT de uma linha"]["per_s"].append(round(rate, 1))
    return runs


def _celery(stack: ExitStack, place: Path, name: str, library: Path | None) -> CeleryShape:
    return CeleryShape(place, house.database(stack, place / name, library), SHAPES[name])


def _one(
    note: dict[str, list[Any]] | None, target: Target, folder: Path, *, connections: int, seconds: float
) -> None:
    outcome = drive(target, folder, connections=connections, seconds=seconds)
    if note is not None:
        note["per_s"].append(round(outcome.per_s, 1))
        note["p99_ms"].append(outcome.p99_ms)
        note["refused"].append(outcome.refused)


def _settle(smsc: Smsc | None) -> None:
    """Wait until a gateway has handed over what it took: its work must not fall into another's turn."""
    end = time.monotonic() + _QUIET_S
    before = -1
    while smsc is not None and time.monotonic() < end:
        taken = smsc.counts()[0]
        if taken == before:
            return
        before = taken
        time.sleep(0.5)  # between two looks
