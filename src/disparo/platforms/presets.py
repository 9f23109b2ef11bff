"""Presets: platforms that are found by their name, each a table of `generic_http` in `presets/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    """`needs`: what the administrator has to fill in, key -> Portuguese explanation."""

    name: str
    title: str
    needs: Mapping[str, str]
    table: Mapping[str, Any]


@cache
def presets() -> Mapping[str, Preset]:
    """Read every preset, by name."""
    found = {}
    folder = files("disparo.platforms") / "presets"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            content = tomllib.loads(entry.read_text(encoding="utf-8"))
            found[name] = Preset(name, content["title"], content["needs"], content["table"])
    return found


def fill(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Give a preset's table with the administrator's own on top; sub-tables are merged one level deep.

    Raises KeyError for a preset that there is not.
    """
    filled = dict(presets()[name].table)
    for key, value in table.items():
        inner = filled.get(key)
        if isinstance(inner, dict) and isinstance(value, Mapping):
            filled[key] = {**inner, **value}
        else:
            filled[key] = value
    return {**filled, "type": "generic_http"}
