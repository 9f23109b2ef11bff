"""The short form of `./dev faults`: kills, a freeze and cuts under load and a bulk run, every message accounted for."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.faults.run import Plan, broken_promises, run

FAULTS = {
    "kill": 8,
    "pause": 1,
    "kill_server": 1,
    "cut_platform": 1,
    "cut_database": 2,
    "platform_restart": 1,
}


@pytest.mark.slow
def test_faults_break_no_promise(new_database):
    folder = Path(tempfile.mkdtemp(prefix="disparo-faults-"))
    plan = Plan(FAULTS, seed=7, between_s=0.8, calls_per_s=20, servers=2, invoices=2000, bulk=1000)
    figures = asyncio.run(run(plan, dsn=new_database(), folder=folder))
    assert broken_promises(figures) == [], figures
    assert figures["kills"] == 8
    assert figures["accepted"] > 1100
    shutil.rmtree(folder, ignore_errors=True)
