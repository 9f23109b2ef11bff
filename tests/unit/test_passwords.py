"""Passwords: who does not exist costs as much as who does, and never gets in."""

from __future__ import annotations

import pytest

from disparo.auth import passwords

pytestmark = pytest.mark.anyio


def test_the_hash_for_nobody_is_as_much_work_as_everybodys():
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)


@pytest.mark.parametrize("password", ["", "x", "a" * 1025, "\ud800"])
async def test_nobody_gets_in_with_no_password(password):
    assert await passwords.PasswordChecker().verify(None, password) is False


async def test_the_right_password_alone_opens():
    stored, checker = passwords.hash_password("certa"), passwords.PasswordChecker()
    assert await checker.verify(stored, "certa") is True
    assert await checker.verify(stored, "errada") is False
    assert await checker.verify("not a hash", "certa") is False
