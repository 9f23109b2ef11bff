"""The short form of `./dev faults`: kills, a freeze and cuts under load and a bulk run, every message accounted for."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

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
#: More than the windows take in that time, so that starts follow records.
BULK_OVER_SMPP = 1500


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_faults_break_no_promise(new_database):
    plan = Plan(FAULTS, seed=7, between_s=0.8, calls_per_s=20, servers=2, invoices=2000, bulk=1000)
    figures = _done(plan, new_database())
    assert figures["kills"] == 8
    assert figures["accepted"] > 1100


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_faults_break_no_promise_over_smpp(new_database):
    faults = {"kill": 4, "cut_platform": 1, "platform_restart": 1}
    plan = Plan(
        faults, seed=5, between_s=0.8, invoices=2000, over_smpp=True, bulk=BULK_OVER_SMPP, unlimited=True
    )
    figures = _done(plan, new_database())
    assert figures["kills"] == 4
    assert figures["by_status"]["delivered"] > BULK_OVER_SMPP // 2
    assert figures["starts_with_records"] > 5


def _done(plan: Plan, dsn: str) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="disparo-faults-"))
    figures = asyncio.run(run(plan, dsn=dsn, folder=folder))
    # Others test beside it, and of eight kills one is the p99: how soon is judged by the whole run.
    assert broken_promises(figures, taken_over_s=30.0) == [], figures
    shutil.rmtree(folder, ignore_errors=True)
    return figures
