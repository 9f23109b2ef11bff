"""Cancels dispatches and single messages that have not been started."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from disparo.db import accounts, dispatches, messages
from disparo.db.messages import Move
from disparo.db.pool import Connection
from disparo.domain.message import NEVER_SENT, Event, Status

_SLICE = 1000


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many messages were cancelled, and how many had been handed over, or may have been.

    `again`: of those, how many waited to be sent a second time, and are not. `is_unlisted`: whether messages
    had not been made yet of all invoices of a run, which are counted nowhere and do not go either.
    """

    cancelled: int
    gone: int
    again: int = 0
    is_unlisted: bool = False


async def cancel_dispatch(connection: Connection, dispatch_id: UUID, *, actor: str) -> Cancelled | None:
    """Cancel a dispatch, in the caller's transaction; None where there is no such dispatch.

    What is being handed over counts as gone; where its platform does not take it, it is cancelled at its next
    last look.
    """
    if not await dispatches.cancel(connection, dispatch_id):
        return None
    found = await dispatches.message_statuses(connection, dispatch_id)
    moved = again = 0
    for first in range(0, len(found), _SLICE):
        moves = [Move(row["id"], Event.CANCEL, "cancelled") for row in found[first : first + _SLICE]]
        done = await messages.apply_events(connection, moves, actor=actor)
        moved += sum(item.after is Status.CANCELLED for item in done)
        again += sum(item.after is Status.UNCERTAIN for item in done)
    await accounts.audit(
        connection, actor=actor, action="dispatch_cancelled", detail={"dispatch": str(dispatch_id)}
    )
    # Read again: what another call withdrew meanwhile has not gone.
    after = await dispatches.message_statuses(connection, dispatch_id)
    return Cancelled(moved, sum(row["status"] not in NEVER_SENT for row in after), again)


async def cancel_message(connection: Connection, message_id: int, *, actor: str) -> Status | None:
    """Cancel a message, in the caller's transaction; gives its status, None where it had left or ended.

    UNCERTAIN: it waited to be sent again, and may have left before.
    """
    moves = [Move(message_id, Event.CANCEL, "cancelled")]
    done = await messages.apply_events(connection, moves, actor=actor)
    if not done:
        return None
    detail = {"message": message_id}
    await accounts.audit(connection, actor=actor, action="message_cancelled", detail=detail)
    return done[0].after
