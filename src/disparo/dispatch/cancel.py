"""Withdrawing a dispatch: whatever has not been started is cancelled, at the same row the start takes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from disparo.db import accounts, dispatches, messages
from disparo.db.messages import Move
from disparo.db.pool import Connection
from disparo.domain.message import Event

_NEVER_GONE = frozenset({"skipped", "cancelled", "failed"})
_SLICE = 1000


@dataclass(frozen=True, slots=True)
class Cancelled:
    """How many were withdrawn, and how many had already been handed over."""

    cancelled: int
    gone: int


async def cancel_dispatch(connection: Connection, dispatch_id: UUID, *, actor: str) -> Cancelled | None:
    """Cancel in the caller's transaction; None where there is no such dispatch."""
    if not await dispatches.existing(connection, [dispatch_id]):
        return None
    found = await dispatches.message_statuses(connection, dispatch_id)
    moved = 0
    for first in range(0, len(found), _SLICE):
        moves = [Move(row["id"], Event.CANCEL, "cancelled") for row in found[first : first + _SLICE]]
        moved += len(await messages.apply_events(connection, moves, actor=actor))
    await accounts.audit(
        connection, actor=actor, action="dispatch_cancelled", detail={"dispatch": str(dispatch_id)}
    )
    # Read again: what another call withdrew meanwhile has not gone.
    after = await dispatches.message_statuses(connection, dispatch_id)
    return Cancelled(moved, sum(row["status"] not in _NEVER_GONE for row in after))


async def cancel_message(connection: Connection, message_id: int, *, actor: str) -> bool:
    """Cancel one message in the caller's transaction; False where it had already gone or ended."""
    moves = [Move(message_id, Event.CANCEL, "cancelled")]
    done = bool(await messages.apply_events(connection, moves, actor=actor))
    if done:
        detail = {"message": message_id}
        await accounts.audit(connection, actor=actor, action="message_cancelled", detail=detail)
    return done
