"""Lets calls of a crowd share chunks, whichever transaction stores them.

What follows a chunk (its queue entry, waking a worker, claiming it) costs nearly the same for five messages
as for five hundred (docs/decisions/0042). So messages that may go within the same twentieth of a second (a
slot) share one chunk and one entry, due at the end of that slot. A call that comes alone and may go at once
waits for no slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

#: Calls in one transaction that did not come alone.
_CROWD = 8
_SLOT = timedelta(milliseconds=50)
#: A slot is not joined in its last moments: its entry would be due while the transaction that joins it runs.
_RUN_UP = timedelta(milliseconds=15)
#: A chunk that holds so many is joined no more.
_FULL = 300
#: So many are known, the latest: with a delay of a day there would be a million, gone through at each commit.
_MOST = 1000
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Chunk:
    id: int
    messages: int


@dataclass(slots=True)
class Slots:
    """The chunks that one server process made, by the times at which their queue entries are due."""

    _chunks: dict[datetime, _Chunk] = field(default_factory=dict)

    def due(self, starts_at: datetime, now: datetime, *, calls: int) -> datetime:
        """Give when the queue entry of a message is due that may go at `starts_at`, or a little later."""
        if calls < _CROWD and starts_at - now < 2 * _SLOT:
            return starts_at
        return _EPOCH + -((_EPOCH - starts_at - _RUN_UP) // _SLOT) * _SLOT

    def known(self, due: datetime) -> int | None:
        """Give the chunk that holds the other messages of this slot, if it has room."""
        chunk = self._chunks.get(due)
        return chunk.id if chunk is not None and chunk.messages < _FULL else None

    def keep(self, stored: Mapping[datetime, tuple[int, int]], now: datetime) -> None:
        """Note chunks and how many messages they were given, by due time, once that is committed."""
        for due, (chunk_id, messages) in stored.items():
            chunk = self._chunks.get(due)
            if chunk is not None and chunk.id == chunk_id:
                chunk.messages += messages
            else:
                self._chunks[due] = _Chunk(chunk_id, messages)
        for due in [due for due in self._chunks if due <= now]:
            del self._chunks[due]
        while len(self._chunks) > _MOST:
            del self._chunks[next(iter(self._chunks))]
