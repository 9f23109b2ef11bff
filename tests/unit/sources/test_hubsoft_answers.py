"""What HubSoft's servers answer, read for what it is worth."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from disparo.sources.base import SourceRefused
from disparo.sources.hubsoft_answers import lifetime_s, read_json


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(60, 60.0), ("60", 60.0), (None, 3600.0), ("uma hora", 3600.0), ([60], 3600.0), (0, 3600.0),
     (10**400, 3600.0), (31_536_000, 86_400.0), ("inf", 86_400.0), (float("inf"), 86_400.0),
     ("nan", 3600.0), (float("nan"), 3600.0), (-5, 0.0)],
)  # fmt: skip
def test_a_token_lives_as_long_as_it_says_up_to_a_day_or_an_hour(told, seconds):
    assert lifetime_s(told) == seconds


def answer(body, charset=None):
    async def pieces():
        yield body

    return SimpleNamespace(charset=charset, content=SimpleNamespace(iter_any=pieces))


@pytest.mark.parametrize("charset", [None, "utf-8", "UTF8", "x-unknown", "base64", "hex"])
def test_an_answer_is_read_in_its_charset_where_there_is_such_a_one(charset):
    assert asyncio.run(read_json(answer('{"nome": "JOÃO"}'.encode(), charset))) == {"nome": "JOÃO"}


def test_a_mark_of_bytes_before_an_answer_says_nothing():
    assert asyncio.run(read_json(answer(b'\xef\xbb\xbf{"status": "success"}'))) == {"status": "success"}


@pytest.mark.parametrize("body", [b"[" * 200_000, b"{", b"\xff", b"1" * 5000])
def test_what_is_no_json_is_told_in_one_way(body):
    with pytest.raises(ValueError):  # noqa: PT011 - json, codec and int each have words of their own
        asyncio.run(read_json(answer(body)))


@pytest.mark.parametrize("value", [b"[]", b"{}", b'{"a":1}'])
def test_an_answer_that_would_take_all_memory_is_refused(value):
    told = answer(b'{"faturas":[' + (value + b",") * 1_000_000 + b"1]}")
    told.url = SimpleNamespace(path="/cliente/todos")
    with pytest.raises(SourceRefused, match="/cliente/todos tem valores demais"):
        asyncio.run(read_json(told))
