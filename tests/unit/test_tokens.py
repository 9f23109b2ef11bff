"""Tokens across machines whose clocks differ, and names that are one user's to the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from disparo.auth.throttle import same_name
from disparo.auth.tokens import InvalidToken, TokenMint, new_signing_key


@pytest.fixture(scope="module")
def mint():
    return TokenMint([new_signing_key()])


def signed(mint, now):
    return mint.sign(jti=uuid4(), client_id=1, user_id=2, scopes=(), now=now, lifetime_s=600)


def test_one_signed_by_a_clock_that_is_ahead_is_good_at_once(mint):
    assert mint.verify(signed(mint, datetime.now(UTC) + timedelta(seconds=90))).user_id == 2


def test_one_whose_time_is_over_is_not(mint):
    with pytest.raises(InvalidToken):
        mint.verify(signed(mint, datetime.now(UTC) - timedelta(seconds=700)))


def test_spellings_that_the_database_takes_for_one_user_share_a_limit():
    names = ["admin@example.com", "ADMIN@example.com", "adm\u0130n@example.com", " Admin@Example.com "]
    assert {same_name(name) for name in names} == {"admin@example.com"}
    assert same_name("ana@example.com") != same_name("bia@example.com")
