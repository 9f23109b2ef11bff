"""What the simulator took: a log that only grows, and what can be counted in it."""

from __future__ import annotations

import errno
import json
import os
import re
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path
from typing import Any

#: A unique token that tests put into the text.
TOKEN = re.compile(r"\bT[0-9a-f]{16}\b")
_KEPT = 1000

Entry = dict[str, Any]


class Store:
    """Entries go to the file first; the counts are rebuilt from it at the next start."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.messages: deque[Entry] = deque(maxlen=_KEPT)
        self.unconfirmed: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._taken = 0
        self._calls: Counter[str] = Counter()
        self._references: Counter[str] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._last_second: deque[float] = deque()
        self._max_per_second = 0
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    # One may have been cut, by a kill or by a full disk, or be of another program.
                    with suppress(ValueError, KeyError, TypeError):
                        self._count(json.loads(line))
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(self._file).st_size
        if size and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def add(self, entry: Entry) -> None:
        """Write an entry down: one write, so that a kill tears none in two; raises OSError on a full disk."""
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        if (written := os.write(self._file, line)) < len(line):
            # Or the next one would go on in its line.
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._count(entry)

    def by_reference(self, reference: str) -> Entry | None:
        """Give the latest message taken under a reference; None where it is not among the last thousand."""
        return next((entry for entry in reversed(self.messages) if entry["reference"] == reference), None)

    def stats(self) -> dict[str, Any]:
        """Count: `taken`, calls by mode, doubles by our reference and by the token in the text."""
        return {
            "taken": self._taken,
            "calls": dict(self._calls),
            "doubles_by_reference": sum(count - 1 for count in self._references.values()),
            "doubles_by_token": sum(count - 1 for count in self._tokens.values()),
            "max_per_second": self._max_per_second,
            "receipts_waiting": len(self.unconfirmed),
        }

    def _count(self, entry: Entry) -> None:
        if "answered_at" in entry:
            return
        if "receipt" in entry:
            self._count_receipt(entry)
            return
        self._calls[entry["mode"]] += 1
        if not entry["taken"]:
            return
        self._taken += 1
        self.messages.append(entry)
        self._by_id[entry["id"]] = entry
        if len(self._by_id) > _KEPT:
            del self._by_id[next(iter(self._by_id))]
        if entry.get("callback"):
            self.unconfirmed[entry["id"]] = entry
        if entry["reference"]:
            self._references[entry["reference"]] += 1
        for token in TOKEN.findall(entry["text"]):
            self._tokens[entry["to"], token] += 1
        self._last_second.append(entry["at"])
        while self._last_second[0] <= entry["at"] - 1:
            self._last_second.popleft()
        self._max_per_second = max(self._max_per_second, len(self._last_second))

    def _count_receipt(self, entry: Entry) -> None:
        message = self._by_id.get(entry["id"])
        if message is not None:
            message["status"] = entry["receipt"]
        if entry["last"]:
            self.unconfirmed.pop(entry["id"], None)
