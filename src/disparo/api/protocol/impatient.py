"""Hangs up on callers who begin a call and send no more of it: they would be waited for without end.

uvicorn limits the time between calls only. Behind nginx such a caller never gets here, but not everybody
has one.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from disparo.api.protocol.bounded import Bounded

#: As nginx waits: for a whole head, and for each piece of a body.
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 10.0


class Impatient(Bounded):
    """uvicorn's protocol, which closes a connection when the rest of a call has not come for a minute."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin a connection."""
        super().connection_made(transport)
        self._waits_since = self.loop.time()
        self._look = self.loop.call_later(_LOOK_EVERY_S, self._look_again)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; patience with a head that comes in drops began with the first of them."""
        if not self._unread:
            self._waits_since = self.loop.time()
        super().data_received(data)

    def _look_again(self) -> None:
        now = self.loop.time()
        if not self._is_owed_more():
            self._waits_since = now  # patience begins when it is the caller's turn
        elif now - self._waits_since > _PATIENCE_S:
            self.transport.close()
            return
        self._look = self.loop.call_later(_LOOK_EVERY_S, self._look_again)

    def _is_owed_more(self) -> bool:
        """Tell whether a call is half here, or none has come at all; what we do not read yet is not owed."""
        call: RequestResponseCycle | None = self.cycle
        if call is None:
            return True
        if call.more_body:
            return not self.flow.read_paused
        return self._unread > 0 and call.response_complete
