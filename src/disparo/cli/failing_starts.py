"""Starts that fail one after another: the last of them tells people, as no process lives to do it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from pydantic import SecretStr

from disparo.cli.context import data_dir_of
from disparo.cli.outage import SILENT_S, Outage
from disparo.cli.telling import teller
from disparo.errors import DatabaseUnavailable, DisparoError, PortTaken, SettingsInvalid
from disparo.settings import Settings, load_settings, settings_file

log = structlog.get_logger(__name__)

#: By kind: the error's own words may repeat a secret.
_WHY = {
    SettingsInvalid: "a configuração está errada",
    DatabaseUnavailable: "o banco de dados não inicia ou não responde",
    PortTaken: "a porta está em uso",
}


@contextmanager
def told_where_it_fails(data_dir: Path | None) -> Iterator[None]:
    """Tell people, once, of starts that fail one after another; `data_dir`: as the command line says it."""
    try:
        yield
    except Exception as error:  # raised again: whatever it is, people are to know
        with suppress(Exception):  # what ails the telling: what ails the start is what has to be read
            asyncio.run(_tell_of(error, data_dir))
        raise


async def _tell_of(error: Exception, data_dir: Path | None) -> None:
    settings = _settings()
    outage = Outage(data_dir or data_dir_of(settings))
    if outage.fails_for_s() < SILENT_S or outage.is_told:
        return
    tell = teller(settings)
    if tell is None:
        return
    why = next((words for kind, words in _WHY.items() if isinstance(error, kind)), "veja o registro")
    minutes = f"há {SILENT_S / 60:.0f} minutos"
    text = f"O Disparo da máquina {socket.gethostname()} não inicia {minutes}. Motivo: {why}"
    if not outage.note_told(is_told=True):  # each start would tell again
        return
    if not await tell("Disparo: atenção", f"{text}. Veja: sudo disparo doctor"):
        outage.note_told(is_told=False)
        log.warning("alert_not_told", kind="start_fails")
        outage.begin_anew()


def _settings() -> Settings:
    """Give the settings; of wrong ones who is to be told, and where the data are."""
    with suppress(DisparoError):
        return load_settings()
    file = settings_file()
    found = tomllib.loads(file.read_bytes().decode("utf-8-sig")) if file is not None else {}
    named = os.environ.get("DISPARO_ALERTS")
    folder = os.environ.get("DISPARO_DATA_DIR") or found.get("data_dir")
    return Settings.model_construct(
        alerts=[SecretStr(address) for address in (json.loads(named) if named else found.get("alerts", []))],
        data_dir=Path(folder) if folder else None,
    )
