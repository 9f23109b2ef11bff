"""What is known of an outage, kept beside the data: the next start goes on from there.

Marks are empty files, which a full disk still takes; without a folder to keep them in nobody is told.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from pydantic import SecretStr

from disparo.cli.context import data_dir_of
from disparo.cli.telling import teller
from disparo.errors import DatabaseUnavailable, DisparoError, PortTaken, SettingsInvalid
from disparo.settings import Settings, load_settings, settings_file

log = structlog.get_logger(__name__)

#: A restart of the database, or of the machine it is on, takes less; nobody need be told of it.
SILENT_S = 120.0
#: By kind: the error's own words may repeat a secret.
_WHY = {
    SettingsInvalid: "a configuração está errada",
    DatabaseUnavailable: "o banco de dados não inicia ou não responde",
    PortTaken: "a porta está em uso",
}


class Outage:
    """The marks of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._told = data_dir / "aviso-de-parada"
        self._failing = data_dir / "inicio-que-falha"

    @property
    def is_told(self) -> bool:
        """Whether people were told that it does not work, and not yet that it does."""
        return self._told.exists()

    def note_told(self, *, is_told: bool) -> bool:
        """Keep that for the next start; tells whether it is kept."""
        _mark(self._told, is_set=is_told)
        return self.is_told is is_told

    def note_up(self) -> None:
        """A start went well."""
        _mark(self._failing, is_set=False)

    def fails_for_s(self) -> float:
        """Note a start that failed; gives how long all of them do, 0 where that is not known."""
        try:
            passed = time.time() - self._failing.stat().st_mtime
        except OSError:
            passed = -1.0
        if passed < 0:  # the first, or the clock was set back
            self.begin_anew()
        return max(0.0, passed)

    def begin_anew(self) -> None:
        """Count from now."""
        _mark(self._failing, is_set=False)
        _mark(self._failing, is_set=True)


@contextmanager
def told_where_it_fails(data_dir: Path | None) -> Iterator[None]:
    """Tell people, once, of starts that fail one after another; `data_dir`: as the command line says it."""
    try:
        yield
    except Exception as error:
        # Whatever ails the telling, what ails the start is what has to be read.
        with suppress(Exception):
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


def _mark(file: Path, *, is_set: bool) -> None:
    with suppress(OSError):
        file.touch(mode=0o600) if is_set else file.unlink(missing_ok=True)
