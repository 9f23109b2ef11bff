"""Whether all of a machine's service is ready, seen from outside it.

Whoever tells of other faults is a worker, and reads them in the database: with neither there is only this.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
import urllib.error
import urllib.request

import structlog

from disparo.cli.launch import UNVERIFIED
from disparo.cli.outage import SILENT_S, Outage
from disparo.cli.telling import teller
from disparo.errors import DisparoError
from disparo.settings import Settings, load_settings

log = structlog.get_logger(__name__)

#: Each look is a line of the log.
LOOK_EVERY_S = 30.0
_ANSWER_WITHIN_S = 8.0
_TELL_EVERY_S = 120.0
#: What `/saude` says of no reason.
_NO_WORKER = "nenhum worker trabalha: o que é aceito espera"
_NO_ANSWER = "o servidor não responde: nada é aceito"


async def watch_health(url: str, settings: Settings, outage: Outage) -> None:
    """Look until cancelled; tell people once when it has not been ready for a while, and once when it is.

    Of one that an earlier start told of, this one tells the end.
    """
    is_told, silent_s, looked_at, try_at = outage.is_told, 0.0, time.monotonic(), 0.0
    while True:
        missing = await asyncio.to_thread(_missing, url)
        # Time in which this process itself stood still is none of the others' silence.
        passed, looked_at = time.monotonic() - looked_at, time.monotonic()
        silent_s = 0.0 if missing is None else silent_s + min(passed, 2 * LOOK_EVERY_S)
        is_due = is_told if missing is None else not is_told and silent_s >= SILENT_S
        if is_due and time.monotonic() >= try_at:
            try_at = time.monotonic() + _TELL_EVERY_S
            if await _tell(settings, _over() if missing is None else _begun(missing)):
                is_told, try_at = missing is not None, 0.0
                outage.note_told(is_told=is_told)
        await asyncio.sleep(LOOK_EVERY_S)


def _begun(missing: str) -> tuple[str, str]:
    minutes = f"há {SILENT_S / 60:.0f} minutos"
    text = f"O Disparo da máquina {socket.gethostname()} não funciona {minutes}. Motivo: {missing}"
    return "Disparo: atenção", f"{text}. Veja: sudo disparo doctor"


def _over() -> tuple[str, str]:
    return "Disparo: resolvido", f"O Disparo da máquina {socket.gethostname()} funciona de novo"


async def _tell(settings: Settings, said: tuple[str, str]) -> bool:
    """Tell whoever the settings name by now; True where that is nobody."""
    try:
        tell = teller(load_settings())
    except DisparoError:  # a file that was changed and is wrong: those it named before
        tell = teller(settings)
    if tell is None or await tell(*said):
        return True
    log.warning("alert_not_told", kind="not_ready")
    return False


def _missing(url: str) -> str | None:
    """Say what `/saude` misses; None where nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_WITHIN_S, context=UNVERIFIED):  # noqa: S310 - our own
            return None
    except urllib.error.HTTPError as answer:
        return _said_by(answer)
    except (OSError, http.client.HTTPException):
        return _NO_ANSWER


def _said_by(answer: urllib.error.HTTPError) -> str:
    try:
        checks = json.loads(answer.read())["verificacoes"]
        failed = [str(check.get("motivo", _NO_WORKER)) for check in checks.values() if not check["ok"]]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, AttributeError):
        failed = []
    return failed[0] if failed else _NO_ANSWER
