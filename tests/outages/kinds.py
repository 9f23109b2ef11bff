"""The twelve outages: how each begins and ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.outages.pair import Pair

_Step = Callable[[Pair], Awaitable[None]]


@dataclass(frozen=True)
class Outage:
    """`lasts_s`: None as long as the plan says; `needs_names`: only where a host's name is ours to take."""

    name: str
    begin: _Step
    end: _Step
    lasts_s: float | None = None
    needs_names: bool = False


def _behaving(name: str, mode: str, **more: Any) -> Outage:
    return Outage(name, lambda pair: pair.behave(mode=mode, **more), lambda pair: pair.behave(mode="accept"))


async def _refuse(pair: Pair) -> None:
    pair.front.shut()


async def _listen(pair: Pair) -> None:
    await pair.front.start()


async def _show_a_strange_certificate(pair: Pair) -> None:
    pair.front.shut()
    pair.front.tls = pair.bad_tls
    await pair.front.start()


async def _show_the_right_certificate(pair: Pair) -> None:
    pair.front.shut()
    pair.front.tls = pair.good_tls
    await pair.front.start()


async def _forget_the_name(pair: Pair) -> None:
    assert pair.names is not None
    pair.names.forget()
    pair.front.cut()


async def _remember_the_name(pair: Pair) -> None:
    assert pair.names is not None
    pair.names.remember()


async def _fall_deaf(pair: Pair) -> None:
    """Take bytes and connections as a kernel does whose program is gone: no answer, no end, not even TLS."""
    pair.front.silent = True
    pair.front.shut(cut=False)
    pair.front.tls = None
    await pair.front.start()


async def _hear_again(pair: Pair) -> None:
    pair.front.shut()  # what was written meanwhile never arrives
    pair.front.silent = False
    pair.front.tls = pair.good_tls
    await pair.front.start()


async def _drip(pair: Pair) -> None:
    pair.front.drip_s = 1.0


async def _flow(pair: Pair) -> None:
    pair.front.drip_s = 0.0


async def _kill(pair: Pair) -> None:
    pair.ill.kill()
    pair.front.shut()


async def _start_again(pair: Pair) -> None:
    await pair.start_ill()
    await pair.front.start()


OUTAGES = (
    Outage("refuse", _refuse, _listen),
    _behaving("hang", "hang"),
    _behaving("error_500", "error"),
    _behaving("throttle_429", "throttle"),
    _behaving("garbage", "garbage"),
    Outage("tls_error", _show_a_strange_certificate, _show_the_right_certificate),
    # A client may keep an address for a while: the outage begins later than it seems.
    Outage("dns_gone", _forget_the_name, _remember_the_name, lasts_s=30.0, needs_names=True),
    Outage("half_open", _fall_deaf, _hear_again),
    Outage("slow_drip", _drip, _flow),
    _behaving("no_credit", "no_credit"),
    _behaving("bad_password", "bad_auth"),
    # As long as the process needs to come back.
    Outage("restart", _kill, _start_again, lasts_s=0.0),
)
