"""What a page says once after something was done."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from disparo.db import sessions
from disparo.db.pool import TRANSIENT
from disparo.panel.access import Person
from disparo.panel.pages import NOT_DONE, see
from disparo.panel.services import services_of


async def done(
    request: Request, person: Person, notice: str, address: str, *, is_done: bool = True
) -> Response:
    """Say on the page at `address` what was done, or that it was not."""
    with suppress(*TRANSIENT):  # unsaid it is done all the same, and the page at `address` shows it
        async with services_of(request).pool.acquire() as connection:
            said = notice if is_done else NOT_DONE + notice
            await sessions.leave_notice(connection, person.token_sha256, said)
    return see(address)
