"""The event loop's clock, for who waits for the end of somebody's patience: no short time is long enough everywhere."""

from __future__ import annotations

import asyncio

#: How long a platform may take for its answer where nothing else is said: no busy machine is as slow.
TIMEOUT_S = 20


def put_forward(seconds: float) -> None:
    """Let so much time have gone by for this loop: what waits for no longer than that is at the end of it."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # a clock is all that is changed
