"""Servers of the standard library for a test to call."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve from a thread of its own, until the block ends, however it ends.

    One that is closed and not told to end asks its closed socket for calls, without a rest, as long as its process
    lives.
    """
    # Every 0.05 s it looks whether it is to end.
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
