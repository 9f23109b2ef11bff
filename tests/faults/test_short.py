"""The short form of `./dev faults`: a few kills and a freeze under load, every message accounted for."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from tests.faults.run import Plan, broken_promises, run


@pytest.mark.slow
def test_kills_and_a_freeze_break_no_promise(new_database):
    folder = Path(tempfile.mkdtemp(prefix="disparo-faults-"))
    plan = Plan(kills=8, pauses=1, failpoints=False, between_s=0.8, seed=7, calls_per_s=20)
    figures = asyncio.run(run(plan, dsn=new_database(), folder=folder))
    assert broken_promises(figures) == [], figures
    assert figures["kills"] == 8
    assert figures["accepted"] > 100
    shutil.rmtree(folder, ignore_errors=True)
