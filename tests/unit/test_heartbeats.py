"""Which workers a server calls alive: those it has itself seen to move, lately."""

from __future__ import annotations

from uuid import uuid4

import pytest

from disparo.dispatch.heartbeats import Heartbeats

WORKER = uuid4()


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watcher(clock):
    return Heartbeats(None, clock)


def looks(watcher, clock, *beats):
    for beat in beats:
        watcher.note({} if beat is None else {WORKER: beat})
        clock.now += 2.0
    return watcher.alive


def test_a_row_that_was_always_there_is_no_sign_of_life(watcher, clock):
    assert looks(watcher, clock, 7) == 0
    assert looks(watcher, clock, 7, 7) == 0


def test_a_beat_that_moves_is(watcher, clock):
    assert looks(watcher, clock, 7, 8) == 1


def test_so_is_a_worker_that_appears(watcher, clock):
    assert looks(watcher, clock, None, 0) == 1


def test_six_silent_seconds_end_it_and_a_beat_brings_it_back(watcher, clock):
    assert looks(watcher, clock, 1, 2, 2, 2) == 1
    assert looks(watcher, clock, 2) == 0
    assert looks(watcher, clock, 3) == 1


def test_an_observer_that_was_away_does_not_call_the_others_dead(watcher, clock):
    looks(watcher, clock, 1, 2)
    clock.now += 3600
    assert looks(watcher, clock, 2) == 1
