"""When a silent worker counts as dead: only by what the observer itself saw."""

from __future__ import annotations

from uuid import uuid4

from disparo.dispatch.takeover import Watch

WORKER = uuid4()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def looks(watch, clock, beats, every_s=1.0):
    for beat in beats:
        dead = watch.look({WORKER: beat})
        clock.now += every_s
    return dead


def test_a_worker_silent_for_six_seconds_is_dead():
    clock = Clock()
    assert looks(Watch(clock), clock, [1] * 7) == [(WORKER, 1)]


def test_a_worker_silent_for_less_is_not():
    clock = Clock()
    assert looks(Watch(clock), clock, [1] * 6) == []


def test_a_beating_worker_is_alive():
    clock = Clock()
    assert looks(Watch(clock), clock, [1, 1, 1, 1, 1, 1, 2]) == []


def test_an_observer_that_was_paused_itself_calls_nobody_dead():
    clock = Clock()
    assert looks(Watch(clock), clock, [1] * 4, every_s=3600.0) == []
    assert looks(Watch(clock), clock, [1] * 5, every_s=3600.0) == [(WORKER, 1)]


def test_a_worker_just_met_has_its_full_time():
    clock = Clock()
    watch = Watch(clock)
    watch.look({})
    clock.now += 60
    assert watch.look({WORKER: 1}) == []
