"""Taking a message, whichever way it came: what is done with it, and written down first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from uuid import uuid4

from disparo.platforms.simulator.behaviour import TAKING, Behaviour
from disparo.platforms.simulator.receipts import ReceiptSender
from disparo.platforms.simulator.store import Entry, Store


class Reception:
    """One for the process: its doors share the count of calls."""

    def __init__(self, store: Store, receipts: ReceiptSender, behaviour: Callable[[], Behaviour]) -> None:
        self._store = store
        self._receipts = receipts
        self._behaviour = behaviour
        self._calls = 0

    def take(self, message: Mapping[str, str]) -> Entry:
        """Take `to`, `text`, `reference` and `callback`; the entry's `mode` says how to answer."""
        behaviour = self._behaviour()
        self._calls += 1
        mode = behaviour.mode if self._calls % behaviour.every == 0 else "accept"
        entry: Entry = {
            "at": round(time.time(), 4),
            "id": uuid4().hex,
            **message,
            "mode": mode,
            "taken": mode in TAKING,
        }
        self._store.add(entry)
        if mode == "die":
            os._exit(1)
        if entry["taken"]:
            self._receipts.later(entry)
        return entry

    def note_answered(self, entry: Entry) -> None:
        """Note that the one who brought it has its answer, or never will."""
        self._store.add({"answered_at": round(time.time(), 4), "id": entry["id"]})
