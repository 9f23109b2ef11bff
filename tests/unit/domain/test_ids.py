"""Ids follow the clock and differ; what is in them besides is drawn."""

from __future__ import annotations

import os
import time
from uuid import RFC_4122

from disparo.domain.ids import new_id, new_reference


def test_an_id_is_a_uuid_of_version_7_that_begins_with_the_milliseconds():
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_and_references_follow_the_clock_and_differ():
    for make in (new_id, new_reference):
        made = [make() for _ in range(1000)]
        assert len(set(made)) == 1000
        time.sleep(0.002)  # into the next millisecond: within one the order is drawn
        assert max(made) < make()


def test_a_reference_is_32_digits_of_which_twenty_are_drawn():
    made = [new_reference() for _ in range(200)]
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in made)
    assert all(len({one[place] for one in made}) > 4 for place in range(12, 32))


def test_a_forked_process_draws_its_own():
    new_reference()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "".join(new_reference()[12:] for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 2000).decode()
    ours = {new_reference()[12:] for _ in range(50)}
    assert ours.isdisjoint(theirs[at : at + 20] for at in range(0, 1000, 20))
