"""Every part of `./dev bench` can at least begin: what they share moves now and then."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

_RUN = (Path(__file__).parents[2] / "bench" / "run.py").read_text(encoding="utf-8")
PARTS = [*re.findall(r'": "(bench\.[a-z_]+)"', _RUN), "bench.compare"]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_can_be_imported(part):
    assert callable(importlib.import_module(part).main)
