"""A field of a call is read as Starlette's own mapping reads it."""

from __future__ import annotations

import pytest
from fastapi import Request

from disparo.api.header_fields import field_of

_HEAD = [
    (b"accept", b"*/*"),
    (b"x-twice", b"first"),
    (b"x-twice", b"second"),
    (b"x-empty", b""),
    (b"x-a", b"\xe3"),
]


@pytest.mark.parametrize("name", ["accept", "x-twice", "x-empty", "x-a", "x-none"])
def test_it_is_the_same(name: str):
    request = Request({"type": "http", "headers": list(_HEAD)})
    assert field_of(request, name.encode(), "none") == request.headers.get(name, "none")
