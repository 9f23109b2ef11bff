"""Reads the head of a call by name. Starlette goes through all of it for each name, 2 µs a time.

A call of enviar_sms has a dozen to ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from starlette.types import Scope

_KEPT = "disparo.fields"
_Else = TypeVar("_Else")


def fields_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Give the fields of a call by their names in small letters; of one that comes twice the first."""
    found: Mapping[bytes, bytes] | None = scope.get(_KEPT)
    if found is None:
        found = scope[_KEPT] = dict(reversed(scope["headers"]))
    return found


def field_of(request: Request, name: bytes, default: _Else) -> str | _Else:
    """Give a field as text, as `request.headers.get` does."""
    found = fields_of(request.scope).get(name)
    return default if found is None else found.decode("latin-1")
