"""What a pass over a live source is still to bring: stored, so that one that was cut goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import asyncpg
import structlog

from disparo.db import sync_states
from disparo.sources.base import Page, RegisterSource
from disparo.sources.listing import Listing

log = structlog.get_logger(__name__)

_FULL_EVERY_S = 86_400.0
#: After a failure: asked by every worker, all the time, with a password that is wrong now, it locks us out.
_LEFT_ALONE_S = 120.0
_NOTHING_LACKS = {"missed": 0, "left_out": 0}
#: The steps that there are, at which of them and at which page of it we are, and what is missing so far.
Plan = Mapping[str, Any]


def rests(state: asyncpg.Record, every_s: float) -> bool:
    """Tell whether it is too early; what ended in the future did by a clock that was set back."""
    if state["failed_at"] is not None:
        return bool(0 <= state["failed_s"] < min(every_s, _LEFT_ALONE_S))
    return state["finished_at"] is not None and 0 <= state["idle_s"] < every_s


def make_plan(state: asyncpg.Record | None, source: RegisterSource, today: date, *, full: bool) -> Plan:
    """Go on with what was cut, unless a full pass is wanted and that was none."""
    cut: dict[str, Any] = json.loads(state["progress"]) if state is not None else {}
    if "steps" in cut and (cut["full"] or not full):
        return {**_NOTHING_LACKS, **cut}
    since: date | None = state["complete_to"] if state is not None else None
    full_age_s: float | None = state["full_age_s"] if state is not None else None
    if full or since is None or full_age_s is None or not 0 <= full_age_s <= _FULL_EVERY_S:
        full, steps = True, source.full_steps(today)
    else:
        full, steps = False, source.recent_steps(since, today)
    return {
        "full": full,
        "began": today.isoformat(),
        "steps": [step.written() for step in steps],
        "step": 0,
        "page": 0,
        "before": sync_states.lacks_before(cut),
        **_NOTHING_LACKS,
    }


def plan_after(plan: Plan, page: Page, listing: Listing, source: str) -> Plan:
    """Give the plan of what is left after a page of `source`; `listing` has that page."""
    plan = {**plan, "left_out": plan["left_out"] + page.left_out}
    if not page.is_last:
        return {**plan, "page": plan["page"] + 1, "listed": listing.so_far()}
    plan = {**plan, "page": 0, "listed": None}
    if listing.wants_second():
        return {**plan, "left_out": plan["left_out"] - listing.left_out}
    if listing.missing:
        kind = plan["steps"][plan["step"]][0]
        log.warning("sync_missed", source=source, step=kind, missed=listing.missing)
    return {**plan, "step": plan["step"] + 1, "missed": plan["missed"] + listing.missing}
