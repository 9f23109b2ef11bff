"""What waits in a lane: single calls first, each kind within its own length."""

from __future__ import annotations

from uuid import uuid4

from disparo.db.messages import Start
from disparo.dispatch.claims import Batch, Prepared
from disparo.dispatch.line import Line


def item(number, *, urgent):
    start = Start(number, uuid4(), "t", 1)
    return Prepared(start, f"ref-{number}", "+5511988887777", 0, urgent, Batch(1))


def numbers(items):
    return [found.start.message_id for found in items]


def test_single_calls_overtake_a_bulk_run_and_keep_their_own_order():
    line = Line(10)
    line.add([item(1, urgent=False), item(2, urgent=False), item(3, urgent=True), item(4, urgent=True)])
    assert numbers(line.take(3)) == [3, 4, 1]
    assert (len(line), line.urgent) == (1, 0)


def test_a_full_line_of_bulk_leaves_room_for_single_calls():
    line = Line(2)
    line.add([item(1, urgent=False), item(2, urgent=False)])
    assert (line.room(urgent=False), line.room(urgent=True)) == (0, 2)
