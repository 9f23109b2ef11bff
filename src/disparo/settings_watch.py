"""Settings that change while a process runs: the file is looked at, and SIGHUP asks for a look."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from disparo.errors import SettingsInvalid, in_words
from disparo.settings import Settings, settings_file

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 2.0


class SettingsWatch:
    """`run` calls `apply` with new settings; wrong ones are said in the log, and the old ones stay."""

    def __init__(
        self, load: Callable[[], Settings], apply: Callable[[Settings], None], *, after_others: bool = False
    ) -> None:
        self._load = load
        #: Whoever makes platforms speak to the others gives those time to know them.
        self._wait_s = 1.5 * _LOOK_EVERY_S if after_others else 0.0
        self._apply = apply
        self._asked = asyncio.Event()
        self._seen = self._before = _stamp(settings_file())
        #: What is wrong with the settings that were read last, so that older ones stay; None: nothing.
        self.refused: str | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        with suppress(ValueError, RuntimeError):  # not the main thread: only the file is looked at
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._asked.set)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._asked.wait()
            await self._look()

    async def _look(self) -> None:
        try:
            stamp = self._stamp_now()
            # Half a file may be good settings, without the platforms that come last: it must have settled.
            is_steady, self._before = stamp == self._before, stamp
            if not self._asked.is_set() and (stamp == self._seen or not is_steady):
                return
            self._seen = stamp
            changed = self._load()
            await asyncio.sleep(self._wait_s)
            self._apply(changed)
        except SettingsInvalid as error:
            self.refused = str(error)
            log.error("settings_refused_old_ones_stay", why=self.refused)
        except Exception as error:  # whatever it is, the next look must come
            self.refused = in_words(error)
            log.exception("settings_refused_old_ones_stay")
        else:
            self.refused = None
            log.info("settings_reloaded")
        finally:
            self._asked.clear()

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            return _stamp(settings_file())
        except SettingsInvalid:  # it is gone, or closed: when it is back it is read, changed or not
            self._seen = None
            raise


def _stamp(file: Path | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
