"""What a package's docstring says is in it is in it, and nothing more: whoever is new reads that first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import disparo

HOUSE = Path(disparo.__file__).parent
#: Their docstrings say what they are for, not what is in them.
WITHOUT_MAP = {
    "",
    "db/migrations",
    "db/migrations/versions",
    "platforms/simulator",
    "platforms/presets",
}
MAPPED = sorted(
    name
    for init in HOUSE.rglob("__init__.py")
    if (name := str(init.parent.relative_to(HOUSE)).strip(".")) not in WITHOUT_MAP
    and len(list(init.parent.glob("*.py"))) > 2
)


@pytest.mark.parametrize("package", MAPPED)
def test_a_packages_map_names_each_of_its_modules(package):
    text = (HOUSE / package / "__init__.py").read_text(encoding="utf-8")
    modules = {path.stem for path in (HOUSE / package).glob("*.py")} - {"__init__", "__main__"}
    assert {name for name in modules if not re.search(rf"\b{name}\b", text)} == set()
