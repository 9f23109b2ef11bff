"""The short form of `./dev outages`: a port that is closed, and then a password that is wrong."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.outages.judge import Phases, broken_bounds, failed_over_s, judged, recovered_at
from tests.outages.kinds import OUTAGES
from tests.outages.pair import ILL, WELL
from tests.outages.run import Plan, run


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_outage_is_carried_by_the_other_platform_and_over_by_itself(new_database):
    folder = Path(tempfile.mkdtemp(prefix="disparo-outages-"))
    outages = [outage for outage in OUTAGES if outage.name in ("refuse", "bad_password")]
    plan = Plan(outages, calls_per_s=30, workers=2, settle_s=0.5, before_s=1.5, during_s=5.0, after_s=0.5)
    figures = asyncio.run(run(plan, dsn=new_database(), folder=folder))
    assert {name: broken_bounds(found) for name, found in figures.items()} == {
        "refuse": [],
        "bad_password": [],
    }
    shutil.rmtree(folder, ignore_errors=True)


def test_the_judge_tells_probes_from_use():
    phases = Phases(steady_at=0, begun_at=10, ended_at=20, over_at=30)
    well = [at / 10 for at in range(300)]
    assert failed_over_s(well, [10.1, 10.2, 11.3, 13.3], phases, per_s=10) == pytest.approx(0.2)
    assert failed_over_s(well, [10 + at / 10 for at in range(100)], phases, per_s=10) is None
    assert failed_over_s(well[::3], [10.1], phases, per_s=10) is None


@pytest.mark.parametrize(("calls_per_s", "carried"), [(10, False), (5, True)])
def test_the_judge_asks_for_no_more_than_was_called_for(calls_per_s, carried):
    phases = Phases(steady_at=0, begun_at=10, ended_at=20, over_at=30)
    taken = {WELL: [at / 5 for at in range(150)], ILL: [at / 5 for at in range(50)]}
    calls = [at / 10 for at in range(100)] + [10 + at / calls_per_s for at in range(10 * calls_per_s)]
    assert (judged(taken, [], phases, calls=calls)["failed_over_s"] is not None) is carried


def test_the_judge_calls_a_platform_recovered_when_it_has_half_its_load():
    assert recovered_at([10.0, 13.0, 20.0, 20.2, 20.4], 9.0, share_per_s=6) == pytest.approx(21.0)
    assert recovered_at([10.0, 13.0], 9.0, share_per_s=6) is None
