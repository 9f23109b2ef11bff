"""The life of a message: its states, and every move that is allowed between them.

The table is the only place that says which move is legal. Statements get it as JSON (`transition_table`)
and look each row's move up in it, so a batch of a thousand obeys it too. Those that write their moves out,
for the sake of an index, are held to it by a test, which asks `move` (docs/decisions/0003).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from disparo.domain.outcome import OutcomeKind, ReceiptKind


class Status(StrEnum):
    """Stored values; docs/delivery.md §2 gives each its meaning."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    HELD = "held"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a message."""

    CLAIM = "claim"
    GIVE_BACK = "give_back"  # nothing has left: deferral, take-over of a claim
    SKIP = "skip"  # not sent on purpose
    EXPIRE = "expire"  # `timeout` passed before any platform took it
    FAIL = "fail"  # cannot be sent at all: no text fits, no platform can ever take it
    START = "start"  # the start of an attempt is committed
    OUTCOME_ACCEPTED = "outcome_accepted"
    OUTCOME_REFUSED = "outcome_refused"
    OUTCOME_NOT_TAKEN = "outcome_not_taken"
    OUTCOME_NOT_STARTED = "outcome_not_started"
    OUTCOME_AMBIGUOUS = "outcome_ambiguous"
    LOSE = "lose"  # the worker died or was paused with the start committed
    HOLD = "hold"
    RELEASE = "release"  # a person lets a held message go
    CANCEL = "cancel"
    RESEND = "resend"  # a person: "enviar de novo"
    GIVE_AS_SENT = "give_as_sent"  # a person: "dar como enviada"
    RECEIPT_SENT = "receipt_sent"
    RECEIPT_DELIVERED = "receipt_delivered"
    RECEIPT_UNDELIVERED = "receipt_undelivered"


S, E = Status, Event

#: No later move but what a receipt or a person may still say.
FINAL = frozenset({S.DELIVERED, S.UNDELIVERED, S.FAILED, S.SKIPPED, S.CANCELLED})

_BEFORE_CARRIER = (S.QUEUED, S.CLAIMED, S.SENDING, S.HELD, S.UNCERTAIN, S.ACCEPTED)


def _table() -> dict[tuple[Status, Event], Status]:
    table = {
        (S.QUEUED, E.CLAIM): S.CLAIMED,
        (S.CLAIMED, E.GIVE_BACK): S.QUEUED,
        (S.CLAIMED, E.SKIP): S.SKIPPED,
        (S.CLAIMED, E.FAIL): S.FAILED,
        (S.CLAIMED, E.EXPIRE): S.FAILED,
        (S.QUEUED, E.EXPIRE): S.FAILED,
        (S.CLAIMED, E.START): S.SENDING,
        (S.SENDING, E.LOSE): S.UNCERTAIN,
        (S.QUEUED, E.HOLD): S.HELD,
        (S.CLAIMED, E.HOLD): S.HELD,
        (S.HELD, E.RELEASE): S.QUEUED,
        (S.QUEUED, E.CANCEL): S.CANCELLED,
        (S.CLAIMED, E.CANCEL): S.CANCELLED,
        (S.HELD, E.CANCEL): S.CANCELLED,
        (S.UNCERTAIN, E.RESEND): S.QUEUED,
        (S.UNCERTAIN, E.GIVE_AS_SENT): S.ACCEPTED,
        (S.SENDING, E.OUTCOME_AMBIGUOUS): S.UNCERTAIN,
    }
    # A fact is never refused: the outcome of a start that was taken over meanwhile still counts.
    for status in (S.SENDING, S.UNCERTAIN):
        table[status, E.OUTCOME_ACCEPTED] = S.ACCEPTED
        table[status, E.OUTCOME_REFUSED] = S.FAILED
        table[status, E.OUTCOME_NOT_TAKEN] = S.QUEUED
        table[status, E.OUTCOME_NOT_STARTED] = S.QUEUED
    # Sent again by a person before the outcome of the first start was written: the outcome still wins.
    for status in (S.QUEUED, S.CLAIMED, S.HELD):
        table[status, E.OUTCOME_ACCEPTED] = S.ACCEPTED
        table[status, E.OUTCOME_REFUSED] = S.FAILED
    # Receipts by rank, only forward: delivered > undelivered > sent > accepted > earlier.
    for status in _BEFORE_CARRIER:
        table[status, E.RECEIPT_SENT] = S.SENT
    # Of one that waits to go again a failure says nothing: it is an earlier hand-over's.
    for status in (S.SENDING, S.HELD, S.UNCERTAIN, S.ACCEPTED, S.SENT):
        table[status, E.RECEIPT_UNDELIVERED] = S.UNDELIVERED
    for status in Status:
        if status is not S.DELIVERED:
            table[status, E.RECEIPT_DELIVERED] = S.DELIVERED
    return table


TRANSITIONS: Mapping[tuple[Status, Event], Status] = MappingProxyType(_table())

#: Goes on by itself: the platform is still ahead. The column `messages.open` says the same.
STILL_GOING = frozenset({S.QUEUED, S.CLAIMED, S.SENDING})
#: Of that, what a worker has.
IN_HAND = STILL_GOING - {S.QUEUED}
#: What a cancel takes back. A held message goes nowhere, but nothing of it has left either.
WITHDRAWABLE = frozenset(before for before, event in TRANSITIONS if event is E.CANCEL)
#: Ended, and no platform ever took it.
NEVER_SENT = frozenset({S.FAILED, S.SKIPPED, S.CANCELLED})
#: Handed over, or may have been: it does not come back.
GONE = frozenset(Status) - WITHDRAWABLE - NEVER_SENT
#: Nothing of ours is left to do, and nobody is asked anything; receipts may still come.
SETTLED = FINAL | {S.ACCEPTED, S.SENT}

#: A person took the sending again back, and the start that was uncertain had no effect: nothing ever left.
OF_CANCELLED: Mapping[tuple[Status, Event], Status] = MappingProxyType(
    {(S.UNCERTAIN, event): S.CANCELLED for event in (E.OUTCOME_NOT_TAKEN, E.OUTCOME_NOT_STARTED)}
)

#: A person gave it as sent, and the start that was uncertain had no effect: nothing ever left.
OF_GIVEN_AS_SENT: Mapping[tuple[Status, Event], Status] = MappingProxyType(
    {
        (S.ACCEPTED, event): S.FAILED
        for event in (E.OUTCOME_REFUSED, E.OUTCOME_NOT_TAKEN, E.OUTCOME_NOT_STARTED)
    }
)

#: What keeps a message from being sent, as a person's or our own decision; nothing else ends one that waits.
_WITHDRAWALS = (E.SKIP, E.FAIL, E.EXPIRE, E.CANCEL)
#: Where the one that waits to be sent again may have left before, they end only the sending again; so does a
#: platform that refuses it then.
AFTER_A_START: Mapping[tuple[Status, Event], Status] = MappingProxyType(
    {known: S.UNCERTAIN for known in TRANSITIONS if known[1] in (*_WITHDRAWALS, E.OUTCOME_REFUSED)}
)

#: A receipt that says "delivered" against one of these is a contradiction: counted and shown.
CONTRADICTED_BY_DELIVERY = frozenset({S.UNDELIVERED, S.FAILED, S.SKIPPED, S.CANCELLED, S.QUEUED, S.HELD})
#: But against these only of what never left: what waits to go again may have arrived the first time.
NOT_GONE_YET = frozenset({S.QUEUED, S.HELD})

EVENT_OF_OUTCOME: Mapping[OutcomeKind, Event] = MappingProxyType(
    {
        OutcomeKind.ACCEPTED: E.OUTCOME_ACCEPTED,
        OutcomeKind.REFUSED: E.OUTCOME_REFUSED,
        OutcomeKind.NOT_TAKEN: E.OUTCOME_NOT_TAKEN,
        OutcomeKind.NOT_STARTED: E.OUTCOME_NOT_STARTED,
        OutcomeKind.AMBIGUOUS: E.OUTCOME_AMBIGUOUS,
    }
)
EVENT_OF_RECEIPT: Mapping[ReceiptKind, Event] = MappingProxyType(
    {
        ReceiptKind.SENT: E.RECEIPT_SENT,
        ReceiptKind.DELIVERED: E.RECEIPT_DELIVERED,
        ReceiptKind.UNDELIVERED: E.RECEIPT_UNDELIVERED,
    }
)


def count_in(counts: Mapping[str, int], statuses: Iterable[Status]) -> int:
    """Give how many of a dispatch's messages, counted by status, are in one of these."""
    return sum(counts.get(status, 0) for status in statuses)


def move(status: Status, event: Event, *, may_have_left: bool = False) -> Status | None:
    """Give the status after `event`, or None where the event moves nothing (late, repeated, overtaken).

    `may_have_left`: by an earlier start, whose outcome nobody knows.
    """
    after = TRANSITIONS.get((status, event))
    return AFTER_A_START.get((status, event), after) if may_have_left else after


@cache
def transition_table() -> str:
    """Give the whole table as a JSON object for SQL: `{"<from> <event>": "<to>"}`.

    Beside it, where that differs: `again` behind the event for what may have left before, `cancelled` for
    what a person took back, `given` for what one gave as sent.
    """
    table = {f"{before} {event}": after for (before, event), after in TRANSITIONS.items()}
    again = {f"{before} {event} again": after for (before, event), after in AFTER_A_START.items()}
    cancelled = {f"{before} {event} cancelled": after for (before, event), after in OF_CANCELLED.items()}
    given = {f"{before} {event} given": after for (before, event), after in OF_GIVEN_AS_SENT.items()}
    return json.dumps({**table, **again, **cancelled, **given})
