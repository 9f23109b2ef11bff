"""Of what keeps a platform from new messages, what is told first."""

from __future__ import annotations

from datetime import datetime, time

from disparo.domain.routing import Route
from disparo.wording.platform_words import Hindrance, hindrance, none_in_use

_NIGHT, _NOON = datetime(2026, 11, 27, 22, 0), datetime(2026, 11, 27, 12, 0)
_PAUSED = {"paused_by": "cli:ana", "open_reason": None}
_FAILING = {"paused_by": None, "open_reason": "error_rate"}
_BY_DAY = Route("p", hours=(time(8), time(20)))


def kept(route, *, state=None, per_day=None, day_used=0, local=_NOON):
    return hindrance(route, state, per_day=per_day, day_used=day_used, local=local)


def test_a_platform_that_nothing_keeps_is_used():
    assert kept(_BY_DAY) is None
    assert kept(Route("p"), per_day=10, day_used=9, state={"paused_by": None, "open_reason": None}) is None


def test_what_a_person_did_comes_before_what_passes_by_itself():
    shut = {"per_day": 10, "day_used": 10, "local": _NIGHT}
    without = Route("p", weight=0, hours=_BY_DAY.hours)
    assert kept(without, state=_PAUSED, **shut) is Hindrance.PAUSED
    assert kept(without, state=_FAILING, **shut) is Hindrance.FAILING
    assert kept(without, **shut) is Hindrance.NO_WEIGHT
    assert kept(_BY_DAY, **shut) is Hindrance.HOURS
    assert kept(Route("p"), **shut) is Hindrance.DAY_FULL


def test_what_keeps_everything_is_said_of_no_platform_as_of_all_of_them():
    paused = {"paused_by": "cli:root", "open_reason": None}
    failing = {"paused_by": None, "open_reason": "credit"}
    used = {"paused_by": None, "open_reason": None}
    why = "Nenhuma plataforma está em uso (a: pausada; b: a plataforma está sem crédito)."
    assert none_in_use(["a", "b"], {"a": paused, "b": failing}) == why
    assert none_in_use(["a", "b"], {"a": paused, "b": used}) is None
    assert none_in_use(["a", "b"], {"a": paused}) is None
    assert "configurada" in (none_in_use([], {"a": paused}) or "")
