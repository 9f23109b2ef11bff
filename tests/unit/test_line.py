"""What waits in a lane: single calls first, each kind within its own length."""

from __future__ import annotations

from uuid import uuid4

from disparo.db.messages import Start
from disparo.dispatch.claims import Batch, Prepared
from disparo.dispatch.line import Line


def item(number, *, urgent, looked_at=0.0):
    start = Start(number, uuid4(), "t", 1)
    return Prepared(start, f"ref-{number}", "+5511988887777", 0, urgent, Batch(1), looked_at)


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


def test_a_line_that_does_not_move_is_looked_at_again_and_gets_shorter():
    now = [0.0]
    line = Line(1000, lambda: now[0])
    line.add([item(number, urgent=False) for number in range(400)] + [item(400, urgent=True, looked_at=5.0)])
    now[0] = 10.0
    assert line.take_stale() == []
    line.take(101)
    now[0] = 10.1
    assert numbers(line.take_stale()) == list(range(100, 400))
    assert (line.room(urgent=False), line.room(urgent=True)) == (500, 1000)  # each kind by itself
    for _ in range(10):
        assert line.take_stale() == []  # empty, or full of new ones: that says nothing yet
        line.add([item(1, urgent=False, looked_at=now[0])])
        now[0] += 1
        assert line.take_stale() == []
        now[0] += 10
        assert numbers(line.take_stale()) == [1]
    assert line.room(urgent=False) == 4
    now[0] += 11
    for _ in range(9):
        line.add([item(1, urgent=False, looked_at=now[0])])
        now[0] += 1
        assert line.take_stale() == []
        line.take(1)
    assert line.room(urgent=False) == 1000
