"""Settings that change while a process runs: the file is looked at, and SIGHUP asks for a look."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from disparo.errors import OF_THE_MACHINE, SettingsInvalid, in_words
from disparo.settings import Settings, settings_file

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0
#: What is wrong may lie beside the file: in one with a password, which is still to come.
_REFUSED_AGAIN_S = 10.0
#: What a process reads once, as it starts (docs/pt-BR/operar.md, "Mudar com tudo no ar").
_AT_START = frozenset(
    {name for name in Settings.model_fields if name.startswith(("hubsoft_", "sync_"))}
    | {
        "database_url",
        "data_dir",
        "host",
        "port",
        "tls_certificate",
        "tls_key",
        "trusted_proxies",
        "cors_origins",
        "group_commit",
        "most_waiting",
        "worker_memory_mb",
        "timezone",
        "backup_max_age_days",
        "keep_text_days",
        "keep_evidence_days",
        "log_level",
        "max_data_age_s",
        "single_when_source_down",
    }
)


class SettingsWatch:
    """Reads new settings by `load`; wrong ones are said in the log, and the old ones stay.

    Made before the settings are read that a process starts with: a start may wait for its database for
    minutes, and the file may change meanwhile.
    """

    def __init__(self, load: Callable[[], Settings], *, after_others: bool = False) -> None:
        self._load = load
        #: Whoever makes platforms speak to the others gives those time to know them.
        self._wait_s = 1.5 * _LOOK_EVERY_S if after_others else 0.0
        self._asked = asyncio.Event()
        self._seen = self._before = _stamp(settings_file())
        #: What is wrong with the settings that were read last, so that older ones stay; None: nothing.
        self.refused: str | None = None
        self._read_at = time.monotonic()

    async def run(self, apply: Callable[[Settings], None]) -> None:
        """Look until cancelled, and call `apply` with new settings."""
        with suppress(ValueError, RuntimeError):  # not the main thread: only the file is looked at
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._asked.wait()
            await self._look(apply)

    async def _look(self, apply: Callable[[Settings], None]) -> None:
        is_asked, is_known = self._asked.is_set(), True
        self._asked.clear()  # now: whoever asks while these are read and waited for means newer ones
        try:
            stamp = self._stamp_now()
            # Half a file may be good settings, without the platforms that come last: it must have settled.
            is_steady, self._before = stamp == self._before, stamp
            is_known = stamp == self._seen and not is_asked
            if (is_known and not self._is_refused_for_long()) or not (is_steady or is_asked):
                return
            self._seen, self._read_at = stamp, time.monotonic()
            changed = self._load()
            await asyncio.sleep(self._wait_s)
            apply(changed)
        except SettingsInvalid as error:
            self._refuse(str(error), is_known=is_known)
        except Exception as error:  # whatever it is, the next look must come
            if _is_of_the_machine(error):  # nothing is known of the settings: they are read when it has room
                self._seen = None
                log.warning("settings_not_read_now", why=in_words(error))
                return
            self._refuse(in_words(error), is_known=is_known, exc_info=True)
        else:
            self.refused = None
            log.info("settings_reloaded")

    def _is_refused_for_long(self) -> bool:
        return self.refused is not None and time.monotonic() - self._read_at >= _REFUSED_AGAIN_S

    def _refuse(self, why: str, *, is_known: bool, exc_info: bool = False) -> None:
        if why != self.refused or not is_known:
            log.error("settings_refused_old_ones_stay", why=why, exc_info=exc_info)
        self.refused = why

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            return _stamp(settings_file())
        except SettingsInvalid:  # it is gone, or closed: when it is back it is read, changed or not
            self._seen = None
            raise


def say_what_waits(begun_with: Settings, changed: Settings) -> None:
    """Name in the log what has changed since the process started and is only read as it starts."""
    waiting = sorted(name for name in _AT_START if getattr(begun_with, name) != getattr(changed, name))
    if waiting:
        log.warning("settings_wait_for_a_restart", names=waiting)


def _is_of_the_machine(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in OF_THE_MACHINE)


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
