"""One table of settings for `generic_http`, and a message through it."""

from __future__ import annotations

from tests.support.loops import TIMEOUT_S

from disparo.platforms.base import Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table


def message(text="Ola", e164="+5511988887777", reference="ref-1", deadline_s=None):
    deadline_s = boottime_s() + 30 if deadline_s is None else deadline_s
    return Outgoing(reference=reference, e164=e164, text=text, deadline_s=deadline_s)


def table(peer, **changes):
    base = {
        "type": "generic_http",
        "url": peer.url,
        "json": {"to": "{telefone}", "text": "{texto}", "ref": "{referencia}"},
        "id_path": "id",
        "code_path": "error.code",
        "timeout_s": TIMEOUT_S,
    }
    return {**base, **changes}


async def send(peer, *, times=1, outgoing=None, **changes):
    platform = GenericHttp("p", read_table("p", table(peer, **changes)))
    try:
        for _ in range(times):
            (outcome,) = await platform.send([outgoing or message()])
        return outcome
    finally:
        await platform.close()


async def take_and_drop(_peer, writer):
    writer.close()
