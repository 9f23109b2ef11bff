"""A child's word to the process that keeps it (`cli.processes`) that its loop still turns: bytes in a pipe.

One that is frozen, or whose loop is held, answers nothing and yet does not end: with several servers at one
port the kernel goes on giving it its share of the calls.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

#: The environment's name of the pipe's end.
PIPE = "DISPARO_LIFE_PIPE"
EVERY_S = 2.0
_pipe: int | None = None


def take_pipe() -> None:
    """Take the pipe out of the environment, at a process's edge."""
    global _pipe  # noqa: PLW0603 - of the whole process, as its environment is
    given = os.environ.pop(PIPE, None)
    if given is not None:
        _pipe = int(given)
        os.set_blocking(_pipe, False)


async def give_forever() -> None:
    """Say every two seconds that the loop turns; to nobody where no parent listens."""
    while True:
        if _pipe is not None:
            with suppress(OSError):  # full, since the parent stands still; or it is gone
                os.write(_pipe, b".")
        await asyncio.sleep(EVERY_S)
