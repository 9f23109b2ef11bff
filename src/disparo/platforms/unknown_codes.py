"""Counts codes that no table of ours knows; each is logged once, and none is an error."""

from __future__ import annotations

import re
from collections import Counter
from threading import Lock

import structlog

from disparo import metrics

log = structlog.get_logger(__name__)

_TOLD_AT_MOST = 200
#: What may stand in the log: a word or a number, never a sentence, and nothing as long as a phone.
_CODE = re.compile(r"(?!.*\d{8})[\w.:-]{1,40}")


class UnknownCodes:
    """One platform's unknown codes since the process began; `counts` by where the code stood."""

    def __init__(self, platform: str) -> None:
        self._platform = platform
        self._told: set[tuple[str, str]] = set()
        self.counts: Counter[str] = Counter()
        self._lock = Lock()  # large calls are read in a thread

    def count(self, where: str, code: str) -> None:
        """Count one; each code is written to the log the first time."""
        metrics.UNKNOWN_CODES.count(self._platform, where)
        known = (where, code if _CODE.fullmatch(code) else "(text)")
        with self._lock:
            self.counts[where] += 1
            is_new = known not in self._told and len(self._told) < _TOLD_AT_MOST
            if is_new:
                self._told.add(known)
        if is_new:
            log.warning("platform_code_unknown", platform=self._platform, where=where, code=known[1])
